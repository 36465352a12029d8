#include "tests/fuzz/broker/packets.hpp"

#include <cstdio>
#include <cstdlib>

namespace wharf::fuzz {

void violated(const std::string& what) {
    std::fprintf(stderr, "violated: %s\n", what.c_str());
    std::abort();
}

bool tracing() {
    static const bool on = std::getenv("FUZZ_BROKER_TRACE") != nullptr;
    return on;
}

void trace(const std::string& what) {
    if (tracing()) std::fprintf(stderr, "%s\n", what.c_str());
}

namespace {

unsigned byte(std::string_view text, std::size_t at) {
    expect(at < text.size(), "a packet ends within a field");
    return static_cast<unsigned char>(text[at]);
}

struct reader {
    std::string_view rest;

    unsigned u8() {
        const auto out = byte(rest, 0);
        rest.remove_prefix(1);
        return out;
    }
    unsigned u16() {
        const auto high = u8();
        return high << 8 | u8();
    }
    std::uint32_t u32() {
        const std::uint32_t high = u16();
        return high << 16 | u16();
    }
    std::uint32_t varint() {
        std::uint32_t out = 0;
        for (unsigned shift = 0;; shift += 7) {
            expect(shift < 28, "a Variable Byte Integer of more than four bytes");
            const auto next = u8();
            expect(shift == 0 || next != 0, "a Variable Byte Integer that could be shorter");
            out |= (next & 0x7f) << shift;
            if ((next & 0x80) == 0) return out;
        }
    }
    std::string text() {
        const auto size = u16();
        expect(size <= rest.size(), "a packet ends within a text");
        const auto out = std::string(rest.substr(0, size));
        rest.remove_prefix(size);
        return out;
    }
};

enum class kind { u8, u16, u32, varint, text, pair };

// Which packets of a server may have it, and what it is (MQTT 5 table 2-4).
std::optional<kind> kind_of(unsigned id, unsigned type) {
    const bool connack = type == 2;
    const bool publish = type == 3;
    switch (id) {
    case 0x01:
        return publish ? std::optional(kind::u8) : std::nullopt;
    case 0x02:
        return publish ? std::optional(kind::u32) : std::nullopt;
    case 0x03:
    case 0x08:
    case 0x09:
        return publish ? std::optional(kind::text) : std::nullopt;
    case 0x0b:
        return publish ? std::optional(kind::varint) : std::nullopt;
    case 0x23:
        return publish ? std::optional(kind::u16) : std::nullopt;
    case 0x11:
    case 0x27:
        return connack ? std::optional(kind::u32) : std::nullopt;
    case 0x12:
    case 0x15:
    case 0x16:
    case 0x1a:
        return connack ? std::optional(kind::text) : std::nullopt;
    case 0x13:
    case 0x21:
    case 0x22:
        return connack ? std::optional(kind::u16) : std::nullopt;
    case 0x24:
    case 0x25:
    case 0x28:
    case 0x29:
    case 0x2a:
        return connack ? std::optional(kind::u8) : std::nullopt;
    case 0x1c:
        return connack || type == 14 ? std::optional(kind::text) : std::nullopt;
    case 0x1f:
        return publish ? std::nullopt : std::optional(kind::text);
    case 0x26:
        return kind::pair;
    default:
        return std::nullopt;
    }
}

properties read_properties(reader& from, unsigned type) {
    properties out;
    const auto size = from.varint();
    expect(size <= from.rest.size(), "properties are longer than their packet");
    reader in{from.rest.substr(0, size)};
    from.rest.remove_prefix(size);
    while (!in.rest.empty()) {
        const auto id = in.varint();
        const auto what = kind_of(id, type);
        expect(what.has_value(),
               "property " + std::to_string(id) + " in a packet of type " + std::to_string(type));
        if (*what == kind::pair) {
            auto name = in.text();
            out.user.emplace_back(std::move(name), in.text());
            continue;
        }
        if (*what == kind::varint) {
            out.identifiers.push_back(in.varint());
            expect(out.identifiers.back() > 0, "a Subscription Identifier of 0");
            continue;
        }
        const bool is_new = *what == kind::text ? out.texts.emplace(id, in.text()).second
                                                : out.numbers
                                                      .emplace(id, *what == kind::u8    ? in.u8()
                                                                   : *what == kind::u16 ? in.u16()
                                                                                        : in.u32())
                                                      .second;
        expect(is_new, "property " + std::to_string(id) + " twice");
    }
    return out;
}

// The first packet's header; false: it is incomplete.
bool read_header(std::string_view from, std::size_t& header, std::size_t& body, bool& broken) {
    body = 0;
    header = 1;
    for (unsigned shift = 0;; shift += 7) {
        if (broken = shift == 28; broken) return true;
        if (header >= from.size()) return false;
        const auto next = byte(from, header++);
        body |= static_cast<std::size_t>(next & 0x7f) << shift;
        if ((next & 0x80) == 0) return from.size() - header >= body;
    }
}

void read_acknowledgement(reader& in, unsigned version, said& out) {
    out.packet_id = in.u16();
    expect(out.packet_id != 0, "an acknowledgement of Packet Identifier 0");
    if (version == 5 && !in.rest.empty()) out.code = in.u8();
    if (version == 5 && !in.rest.empty()) out.more = read_properties(in, out.type);
    expect(in.rest.empty(), "an acknowledgement with more than its fields");
}

void read_publish(reader& in, unsigned version, said& out) {
    expect(out.qos() < 3, "a PUBLISH of QoS 3");
    expect(out.qos() > 0 || !out.dup(), "DUP with QoS 0");
    out.topic = in.text();
    expect(out.topic.find_first_of(std::string_view("+#\0", 3)) == std::string::npos,
           "a Topic Name with wildcards");
    if (out.qos() > 0) {
        out.packet_id = in.u16();
        expect(out.packet_id != 0, "a PUBLISH with Packet Identifier 0");
    }
    if (version == 5) out.more = read_properties(in, out.type);
    expect(!out.topic.empty() || out.more.numbers.contains(0x23), "a PUBLISH without a topic");
    out.payload = in.rest;
}

} // namespace

std::optional<said> take_said(std::string& from, unsigned version) {
    if (from.empty()) return std::nullopt;
    std::size_t header = 0, body = 0;
    bool broken = false;
    if (!read_header(from, header, body, broken)) return std::nullopt;
    expect(!broken, "a Remaining Length of more than four bytes");
    said out;
    out.type = byte(from, 0) >> 4;
    out.flags = byte(from, 0) & 15;
    out.bytes = header + body;
    const auto packet = from.substr(header, body);
    from.erase(0, out.bytes);
    expect(header == 2 || (body >> (7 * (header - 2))) > 0, "a Remaining Length not the shortest");
    reader in{packet};
    expect(out.type == 3 || out.flags == (out.type == 6 ? 2 : 0), "flags of a fixed header");
    switch (out.type) {
    case 2: {
        const auto flags = in.u8();
        expect(flags <= 1, "reserved flags of CONNACK");
        out.session_present = flags == 1;
        out.code = in.u8();
        if (version == 5) out.more = read_properties(in, 2);
        expect(in.rest.empty(), "a CONNACK with more than its fields");
        expect(out.code == 0 || !out.session_present, "a refusal with Session Present");
        break;
    }
    case 3:
        read_publish(in, version, out);
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        read_acknowledgement(in, version, out);
        break;
    case 9:
    case 11:
        out.packet_id = in.u16();
        expect(out.packet_id != 0, "SUBACK or UNSUBACK of Packet Identifier 0");
        if (version == 5) out.more = read_properties(in, out.type);
        out.codes = in.rest;
        expect(out.codes.empty() == (version != 5 && out.type == 11), "codes of SUBACK, UNSUBACK");
        break;
    case 13:
        expect(in.rest.empty(), "a PINGRESP with a body");
        break;
    case 14:
        expect(version == 5, "a DISCONNECT to a client of 3.1.1");
        if (!in.rest.empty()) out.code = in.u8();
        if (!in.rest.empty()) out.more = read_properties(in, 14);
        expect(in.rest.empty(), "a DISCONNECT with more than its fields");
        break;
    default:
        violated("a packet of type " + std::to_string(out.type) + " to a client");
    }
    return out;
}

bool fits(std::string_view filter, std::string_view topic) {
    if (topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#')))
        return false;
    while (true) {
        if (filter == "#") return true;
        const auto filter_end = filter.find('/');
        const auto topic_end = topic.find('/');
        const auto level = filter.substr(0, filter_end);
        if (level != "+" && level != topic.substr(0, topic_end)) return false;
        if (topic_end == topic.npos)
            return filter_end == filter.npos || filter.substr(filter_end) == "/#";
        if (filter_end == filter.npos) return false;
        filter.remove_prefix(filter_end + 1);
        topic.remove_prefix(topic_end + 1);
    }
}

} // namespace wharf::fuzz
