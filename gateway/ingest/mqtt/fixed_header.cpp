#include "gateway/ingest/mqtt/packet.hpp"

namespace wharf::mqtt {
namespace {

// MQTT 5.0, table 2-2: PUBLISH carries its own, the others are fixed.
checked check_flags(packet_type type, std::uint8_t flags) {
    if (type == packet_type::publish) {
        const auto qos = (flags >> 1) & 3;
        if (qos == 3)
            return protocol_error{reason::malformed_packet,
                                  "PUBLISH QoS: expected 0, 1 or 2, got 3 [MQTT-3.3.1-4]"};
        if (qos == 0 && (flags & 8) != 0)
            return protocol_error{reason::protocol_error,
                                  "PUBLISH DUP: must be 0 with QoS 0 [MQTT-3.3.1-2]"};
        return success{};
    }
    const bool has_bit_1 = type == packet_type::pubrel || type == packet_type::subscribe ||
                           type == packet_type::unsubscribe;
    if (flags == (has_bit_1 ? 2 : 0)) return success{};
    std::string_view statement = "[MQTT-2.1.3-1]";
    if (type == packet_type::pubrel) statement = "[MQTT-3.6.1-1]";
    if (type == packet_type::subscribe) statement = "[MQTT-3.8.1-1]";
    if (type == packet_type::unsubscribe) statement = "[MQTT-3.10.1-1]";
    if (type == packet_type::disconnect) statement = "[MQTT-3.14.1-1]";
    if (type == packet_type::auth) statement = "[MQTT-3.15.1-1]";
    return protocol_error{reason::malformed_packet,
                          std::string(to_string(type)) + " flags: expected " +
                              (has_bit_1 ? "0010" : "0000") + " " + std::string(statement)};
}

checked check_type(unsigned type) {
    if (type == 0)
        return protocol_error{reason::malformed_packet, "packet type: 0 is reserved (table 2-1)"};
    const auto named = static_cast<packet_type>(type);
    if (named == packet_type::connack || named == packet_type::suback ||
        named == packet_type::unsuback || named == packet_type::pingresp)
        return protocol_error{reason::protocol_error,
                              "packet type: only a server sends " + std::string(to_string(named))};
    return success{};
}

} // namespace

std::string_view to_string(packet_type type) noexcept {
    switch (type) {
    case packet_type::connect:
        return "CONNECT";
    case packet_type::connack:
        return "CONNACK";
    case packet_type::publish:
        return "PUBLISH";
    case packet_type::puback:
        return "PUBACK";
    case packet_type::pubrec:
        return "PUBREC";
    case packet_type::pubrel:
        return "PUBREL";
    case packet_type::pubcomp:
        return "PUBCOMP";
    case packet_type::subscribe:
        return "SUBSCRIBE";
    case packet_type::suback:
        return "SUBACK";
    case packet_type::unsubscribe:
        return "UNSUBSCRIBE";
    case packet_type::unsuback:
        return "UNSUBACK";
    case packet_type::pingreq:
        return "PINGREQ";
    case packet_type::pingresp:
        return "PINGRESP";
    case packet_type::disconnect:
        return "DISCONNECT";
    case packet_type::auth:
        return "AUTH";
    }
    return "reserved packet type";
}

result<std::optional<fixed_header>, protocol_error> parse_fixed_header(std::string_view bytes) {
    if (bytes.empty()) return std::optional<fixed_header>{};
    const auto first = static_cast<std::uint8_t>(bytes[0]);
    fixed_header header;
    WHARF_TRY(check_type(first >> 4));
    header.type = static_cast<packet_type>(first >> 4);
    header.flags = first & 0x0f;
    WHARF_TRY(check_flags(header.type, header.flags));
    for (unsigned i = 0; i < 4; ++i) {
        if (bytes.size() <= i + 1) return std::optional<fixed_header>{};
        const auto next = static_cast<std::uint8_t>(bytes[i + 1]);
        header.remaining_bytes |= static_cast<std::uint32_t>(next & 0x7fu) << (7 * i);
        if ((next & 0x80u) != 0) continue;
        header.header_bytes = static_cast<std::uint8_t>(i + 2);
        header.shortest = i == 0 || next != 0;
        return std::optional<fixed_header>{header};
    }
    return protocol_error{reason::malformed_packet,
                          "Remaining Length: at most 4 bytes (section 2.1.4)"};
}

} // namespace wharf::mqtt
