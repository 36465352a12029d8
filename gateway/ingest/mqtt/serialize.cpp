#include "gateway/ingest/mqtt/serialize.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/base/bytes.hpp"

#include <array>

namespace wharf::mqtt {
namespace {

// Words for people; the cut keeps every packet small. They are ASCII, so a cut is no harm.
constexpr std::size_t k_reason_string_bytes_max = 256;

void put_byte(std::string& out, unsigned value) {
    out.push_back(static_cast<char>(value));
}

void put_varint(std::string& out, std::size_t value) {
    do {
        const auto low = static_cast<unsigned>(value & 0x7f);
        value >>= 7;
        put_byte(out, value != 0 ? low | 0x80u : low);
    } while (value != 0);
}

std::size_t varint_bytes(std::size_t value) {
    return value < 128 ? 1 : value < 16384 ? 2 : value < 2097152 ? 3 : 4;
}

void put_text(std::string& out, std::string_view text) {
    put_big<std::uint16_t>(out, static_cast<std::uint16_t>(text.size()));
    out.append(text);
}

void put_id(std::string& out, property id) {
    put_byte(out, static_cast<unsigned>(id));
}

void put_flag(std::string& out, property id, bool value) {
    put_id(out, id);
    put_byte(out, value ? 1 : 0);
}

void put_reason_string(std::string& out, std::string_view text) {
    if (text.empty()) return;
    put_id(out, property::reason_string);
    put_text(out, text.substr(0, k_reason_string_bytes_max));
}

bool fits(const recipient& to, std::size_t body_bytes) {
    return to.packet_bytes_max == 0 ||
           1 + varint_bytes(body_bytes) + body_bytes <= to.packet_bytes_max;
}

// A packet of three parts, the property list in the middle with its length in front. The reason
// string is tried first and left out where it does not fit.
bool append_with_properties(std::string& out, const recipient& to, packet_type type,
                            std::string_view front, std::string& list,
                            std::string_view reason_string, std::string_view back) {
    const auto list_bytes = list.size();
    put_reason_string(list, reason_string);
    for (;;) {
        const auto body = front.size() + varint_bytes(list.size()) + list.size() + back.size();
        if (fits(to, body)) {
            put_byte(out, static_cast<unsigned>(type) << 4);
            put_varint(out, body);
            out.append(front);
            put_varint(out, list.size());
            out.append(list).append(back);
            return true;
        }
        if (list.size() == list_bytes) return false;
        list.resize(list_bytes);
    }
}

std::string connack_properties(const connack_packet& packet) {
    std::string list;
    if (packet.code != reason::success) return list;
    if (packet.session_expiry_s) {
        put_id(list, property::session_expiry_interval);
        put_big<std::uint32_t>(list, *packet.session_expiry_s);
    }
    if (packet.receive_maximum != 65535) {
        put_id(list, property::receive_maximum);
        put_big<std::uint16_t>(list, packet.receive_maximum);
    }
    if (packet.packet_bytes_max != 0) {
        put_id(list, property::maximum_packet_size);
        put_big<std::uint32_t>(list, packet.packet_bytes_max);
    }
    if (!packet.assigned_client_id.empty()) {
        put_id(list, property::assigned_client_identifier);
        put_text(list, packet.assigned_client_id);
    }
    if (packet.topic_alias_maximum != 0) {
        put_id(list, property::topic_alias_maximum);
        put_big<std::uint16_t>(list, packet.topic_alias_maximum);
    }
    put_flag(list, property::shared_subscription_available, false);
    if (packet.server_keep_alive_s) {
        put_id(list, property::server_keep_alive);
        put_big<std::uint16_t>(list, *packet.server_keep_alive_s);
    }
    return list;
}

std::string publish_properties(const outgoing_publish& packet) {
    std::string list;
    if (packet.payload_is_utf8) put_flag(list, property::payload_format_indicator, true);
    if (packet.message_expiry_s) {
        put_id(list, property::message_expiry_interval);
        put_big<std::uint32_t>(list, *packet.message_expiry_s);
    }
    if (packet.topic_alias != 0) {
        put_id(list, property::topic_alias);
        put_big<std::uint16_t>(list, packet.topic_alias);
    }
    auto put = [&list](property id, std::string_view text) {
        put_id(list, id);
        put_text(list, text);
    };
    if (!packet.response_topic.empty()) put(property::response_topic, packet.response_topic);
    if (packet.correlation_data) put(property::correlation_data, *packet.correlation_data);
    for (const auto& each : packet.user_properties) {
        put(property::user_property, each.name);
        put_text(list, each.value);
    }
    for (const auto identifier : packet.subscription_identifiers) {
        put_id(list, property::subscription_identifier);
        put_varint(list, identifier);
    }
    if (!packet.content_type.empty()) put(property::content_type, packet.content_type);
    return list;
}

std::string codes_text(std::span<const reason> codes) {
    std::string text;
    text.reserve(codes.size());
    for (const auto code : codes)
        put_byte(text, static_cast<unsigned>(code));
    return text;
}

std::string id_text(std::uint16_t packet_id) {
    std::string text;
    put_big<std::uint16_t>(text, packet_id);
    return text;
}

} // namespace

bool append_connack(std::string& out, const recipient& to, const connack_packet& packet) {
    const bool accepted = packet.code == reason::success;
    std::string front;
    put_byte(front, accepted && packet.session_present ? 1 : 0);
    if (to.version != k_version_5) {
        put_byte(front, accepted ? 0u : static_cast<unsigned>(to_connect_return(packet.code)));
        put_byte(out, static_cast<unsigned>(packet_type::connack) << 4);
        put_varint(out, front.size());
        out.append(front);
        return true;
    }
    put_byte(front, static_cast<unsigned>(packet.code));
    auto list = connack_properties(packet);
    return append_with_properties(out, to, packet_type::connack, front, list, packet.reason_string,
                                  {});
}

void append_ack(std::string& out, const recipient& to, packet_type type, std::uint16_t packet_id,
                reason code) {
    const bool with_reason = to.version == k_version_5 && code != reason::success;
    const unsigned flags = type == packet_type::pubrel ? 2 : 0;
    std::array<char, 5> bytes{};
    bytes[0] = static_cast<char>((static_cast<unsigned>(type) << 4) | flags);
    bytes[1] = with_reason ? 3 : 2;
    bytes[2] = static_cast<char>(packet_id >> 8);
    bytes[3] = static_cast<char>(packet_id & 0xff);
    bytes[4] = static_cast<char>(code);
    out.append(bytes.data(), with_reason ? 5 : 4);
}

bool append_publish(std::string& out, const recipient& to, const outgoing_publish& packet) {
    const bool has_properties = to.version == k_version_5;
    const auto list = has_properties ? publish_properties(packet) : std::string();
    const auto list_bytes = has_properties ? varint_bytes(list.size()) + list.size() : 0;
    const auto body =
        2 + packet.topic.size() + (packet.qos > 0 ? 2 : 0) + list_bytes + packet.payload.size();
    if (!fits(to, body)) return false;
    put_byte(out, (static_cast<unsigned>(packet_type::publish) << 4) | (packet.dup ? 8u : 0u) |
                      (static_cast<unsigned>(packet.qos) << 1) | (packet.retain ? 1u : 0u));
    put_varint(out, body);
    put_text(out, packet.topic);
    if (packet.qos > 0) put_big<std::uint16_t>(out, packet.packet_id);
    if (has_properties) {
        put_varint(out, list.size());
        out.append(list);
    }
    out.append(packet.payload);
    return true;
}

bool append_suback(std::string& out, const recipient& to, std::uint16_t packet_id,
                   std::span<const reason> codes, std::string_view reason_string) {
    auto front = id_text(packet_id);
    auto back = codes_text(codes);
    if (to.version == k_version_5) {
        std::string list;
        return append_with_properties(out, to, packet_type::suback, front, list, reason_string,
                                      back);
    }
    for (auto& code : back)
        if ((static_cast<unsigned char>(code) & 0x80u) != 0) code = static_cast<char>(0x80);
    put_byte(out, static_cast<unsigned>(packet_type::suback) << 4);
    put_varint(out, front.size() + back.size());
    out.append(front).append(back);
    return true;
}

bool append_unsuback(std::string& out, const recipient& to, std::uint16_t packet_id,
                     std::span<const reason> codes) {
    const auto front = id_text(packet_id);
    if (to.version == k_version_5) {
        std::string list;
        return append_with_properties(out, to, packet_type::unsuback, front, list, {},
                                      codes_text(codes));
    }
    put_byte(out, static_cast<unsigned>(packet_type::unsuback) << 4);
    put_varint(out, front.size());
    out.append(front);
    return true;
}

void append_pingresp(std::string& out) {
    put_byte(out, static_cast<unsigned>(packet_type::pingresp) << 4);
    put_byte(out, 0);
}

bool append_disconnect(std::string& out, const recipient& to, reason code,
                       std::string_view reason_string) {
    WHARF_ASSERT(to.version == k_version_5);
    std::string front;
    put_byte(front, static_cast<unsigned>(code));
    std::string list;
    return append_with_properties(out, to, packet_type::disconnect, front, list, reason_string, {});
}

} // namespace wharf::mqtt
