#include "tests/sim/wire.hpp"

#include <array>

namespace wharf::sim::wire {

namespace {

void put_16(std::string& out, std::size_t value) {
    out.push_back(static_cast<char>(value >> 8));
    out.push_back(static_cast<char>(value));
}
void put_text(std::string& out, std::string_view text) {
    put_16(out, text.size());
    out += text;
}
std::string packet(std::uint8_t first, const std::string& body) {
    std::string out(1, static_cast<char>(first));
    auto left = body.size();
    do {
        auto byte = left % 128;
        left /= 128;
        out.push_back(static_cast<char>(byte | (left > 0 ? 128 : 0)));
    } while (left > 0);
    return out + body;
}
std::uint16_t get_16(std::string_view from, std::size_t at) {
    return static_cast<std::uint16_t>(static_cast<unsigned char>(from[at]) << 8 |
                                      static_cast<unsigned char>(from[at + 1]));
}

// Where the properties that begin here end.
std::size_t behind_properties(std::string_view body, std::size_t at) {
    std::size_t length = 0;
    for (unsigned shift = 0;; shift += 7) {
        const auto byte = static_cast<unsigned char>(body[at++]);
        length |= std::size_t{byte & 0x7fU} << shift;
        if ((byte & 0x80) == 0) return at + length;
    }
}

void take_publish(std::uint8_t flags, std::string_view body, int version, answer& out) {
    out.what = kind::publish;
    out.qos = (flags >> 1) & 3;
    out.dup = (flags & 8) != 0;
    out.retain = (flags & 1) != 0;
    std::size_t at = 2 + std::size_t{get_16(body, 0)};
    out.topic = body.substr(2, at - 2);
    if (out.qos > 0) {
        out.packet_id = get_16(body, at);
        at += 2;
    }
    if (version == 5) at = behind_properties(body, at);
    out.payload = body.substr(at);
}

// Receive Maximum out of a CONNACK's properties; those before it have known lengths.
std::uint16_t receive_maximum(std::string_view body) {
    std::size_t at = 3; // flags, code, the length of properties in one byte or more
    while ((static_cast<unsigned char>(body[at - 1]) & 0x80) != 0)
        ++at;
    while (at < body.size()) {
        switch (static_cast<unsigned char>(body[at])) {
        case 0x11: // session expiry
        case 0x27: // maximum packet size
            at += 5;
            break;
        case 0x13: // server keep alive
        case 0x22: // topic alias maximum
            at += 3;
            break;
        case 0x21:
            return get_16(body, at + 1);
        case 0x24: // maximum QoS
        case 0x25: // retain available
        case 0x28: // wildcards, and so on
        case 0x29:
        case 0x2a:
            at += 2;
            break;
        default:
            return 65535;
        }
    }
    return 65535;
}

} // namespace

std::string encode(const connect& from) {
    std::string body;
    put_text(body, "MQTT");
    body.push_back(static_cast<char>(from.version));
    unsigned flags = from.clean ? 2 : 0;
    if (!from.will.topic.empty())
        flags |= 4U | unsigned{from.will.qos} << 3 | (from.will.retain ? 32U : 0U);
    if (!from.username.empty()) flags |= 0x80U;
    body.push_back(static_cast<char>(flags));
    put_16(body, from.keep_alive_s);
    if (from.version == 5) {
        body.push_back(from.receive_maximum > 0 ? 8 : 5);
        body.push_back(0x11);
        put_16(body, from.expiry_s >> 16);
        put_16(body, from.expiry_s & 0xffff);
        if (from.receive_maximum > 0) {
            body.push_back(0x21);
            put_16(body, from.receive_maximum);
        }
    }
    put_text(body, from.client_id);
    if (!from.will.topic.empty()) {
        if (from.version == 5) {
            body.push_back(5);
            body.push_back(0x18);
            put_16(body, from.will.delay_s >> 16);
            put_16(body, from.will.delay_s & 0xffff);
        }
        put_text(body, from.will.topic);
        put_text(body, from.will.payload);
    }
    if (!from.username.empty()) put_text(body, from.username);
    return packet(0x10, body);
}

std::string encode(const publish& from) {
    std::string body;
    put_text(body, from.topic);
    if (from.qos > 0) put_16(body, from.packet_id);
    if (from.version == 5) {
        body.push_back(static_cast<char>((from.alias > 0 ? 3 : 0) + (from.expiry_s > 0 ? 5 : 0)));
        if (from.expiry_s > 0) {
            body.push_back(2);
            put_16(body, from.expiry_s >> 16);
            put_16(body, from.expiry_s & 0xffff);
        }
        if (from.alias > 0) {
            body.push_back(0x23);
            put_16(body, from.alias);
        }
    }
    body += from.payload;
    return packet(static_cast<std::uint8_t>(0x30 | (from.dup ? 8 : 0) | from.qos << 1 |
                                            (from.retain ? 1 : 0)),
                  body);
}

std::string subscribe(int version, std::uint16_t packet_id, std::string_view filter,
                      std::uint8_t qos) {
    std::string body;
    put_16(body, packet_id);
    if (version == 5) body.push_back(0);
    put_text(body, filter);
    body.push_back(static_cast<char>(qos));
    return packet(0x82, body);
}

std::string unsubscribe(int version, std::uint16_t packet_id, std::string_view filter) {
    std::string body;
    put_16(body, packet_id);
    if (version == 5) body.push_back(0);
    put_text(body, filter);
    return packet(0xa2, body);
}

std::string acknowledgement(kind what, std::uint16_t packet_id) {
    std::string body;
    put_16(body, packet_id);
    return packet(what == kind::puback ? 0x40 : what == kind::pubrec ? 0x50 : 0x70, body);
}

std::string pubrel(std::uint16_t packet_id) {
    std::string body;
    put_16(body, packet_id);
    return packet(0x62, body);
}

std::string pingreq() {
    return packet(0xc0, "");
}

std::string disconnect(int) {
    return packet(0xe0, "");
}

std::optional<answer> take(std::string& bytes, int version) {
    std::size_t length = 0;
    std::size_t at = 1;
    for (unsigned shift = 0;; shift += 7, ++at) {
        if (at >= bytes.size()) return std::nullopt;
        const auto byte = static_cast<unsigned char>(bytes[at]);
        length |= std::size_t{byte & 0x7fU} << shift;
        if ((byte & 0x80) == 0) break;
    }
    ++at;
    if (bytes.size() < at + length) return std::nullopt;
    const auto body = std::string_view(bytes).substr(at, length);
    answer out;
    switch (static_cast<unsigned char>(bytes[0]) >> 4) {
    case 2:
        out.what = kind::connack;
        out.session_present = body[0] != 0;
        out.reason = static_cast<std::uint8_t>(body[1]);
        if (version == 5 && out.reason == 0) out.receive_maximum = receive_maximum(body);
        break;
    case 3:
        take_publish(static_cast<std::uint8_t>(bytes[0]), body, version, out);
        break;
    case 4:
    case 5:
    case 6:
    case 7: {
        constexpr std::array kinds = {kind::puback, kind::pubrec, kind::pubrel, kind::pubcomp};
        out.what = kinds[static_cast<std::size_t>(bytes[0] >> 4) - 4];
        out.packet_id = get_16(body, 0);
        if (body.size() > 2) out.reason = static_cast<std::uint8_t>(body[2]);
        break;
    }
    case 9:
    case 11:
        out.what = static_cast<unsigned char>(bytes[0]) >> 4 == 9 ? kind::suback : kind::unsuback;
        out.packet_id = get_16(body, 0);
        // 3.1.1 has no codes in an UNSUBACK.
        if (body.size() > 2) out.reason = static_cast<std::uint8_t>(body.back());
        break;
    case 13:
        out.what = kind::pingresp;
        break;
    case 14:
        out.what = kind::disconnect;
        break;
    default:
        break;
    }
    bytes.erase(0, at + length);
    return out;
}

} // namespace wharf::sim::wire
