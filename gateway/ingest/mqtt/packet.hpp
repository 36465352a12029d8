// Parsers for the packets a server receives, MQTT 3.1.1 and 5, as strict as the standards are. All
// strings are views into the bytes given: nothing is copied, and a packet's memory can be used
// again for the next one. Every violation is a protocol_error. Any thread.
#pragma once

#include "gateway/ingest/mqtt/properties.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace wharf::mqtt {

inline constexpr std::uint8_t k_version_3_1_1 = 4;
inline constexpr std::uint8_t k_version_5 = 5;

enum class packet_type : std::uint8_t {
    connect = 1,
    connack = 2,
    publish = 3,
    puback = 4,
    pubrec = 5,
    pubrel = 6,
    pubcomp = 7,
    subscribe = 8,
    suback = 9,
    unsubscribe = 10,
    unsuback = 11,
    pingreq = 12,
    pingresp = 13,
    disconnect = 14,
    auth = 15,
};

[[nodiscard]] std::string_view to_string(packet_type type) noexcept;

struct fixed_header {
    packet_type type = packet_type::connect;
    std::uint8_t flags = 0;
    std::uint8_t header_bytes = 0;
    bool shortest = true; // the remaining length is in its shortest form
    std::uint32_t remaining_bytes = 0;

    [[nodiscard]] std::size_t packet_bytes() const noexcept {
        return std::size_t{header_bytes} + remaining_bytes;
    }
};

// The header at the front of the bytes, or nothing while it is incomplete. Refuses packet types
// that only a server sends, and flags that are not as the standard fixes them.
[[nodiscard]] result<std::optional<fixed_header>, protocol_error>
parse_fixed_header(std::string_view bytes);

struct will_message {
    std::string_view topic;
    std::string_view payload;
    std::uint8_t qos = 0;
    bool retain = false;
    mqtt::properties properties; // MQTT 5 only
};

struct connect_packet {
    // Set as soon as it is read, so that a refusal can be worded in the peer's version; 0 where the
    // protocol name is not "MQTT".
    std::uint8_t version = 0;
    bool is_mqisdp = false; // MQTT 3.1 and older
    bool clean_start = false;
    std::uint16_t keep_alive_s = 0;
    std::string_view client_id;
    std::optional<std::string_view> username;
    std::optional<std::string_view> password;
    std::optional<will_message> will;
    mqtt::properties properties; // MQTT 5 only
};

struct publish_packet {
    std::uint8_t qos = 0;
    bool dup = false;
    bool retain = false;
    std::uint16_t packet_id = 0; // 0 with QoS 0
    std::string_view topic;      // empty only with a topic alias
    std::string_view payload;
    mqtt::properties properties; // MQTT 5 only
};

// PUBACK, PUBREC, PUBREL, PUBCOMP.
struct ack_packet {
    std::uint16_t packet_id = 0;
    reason code = reason::success;
    mqtt::properties properties; // MQTT 5 only
};

struct subscription {
    std::string_view filter;
    std::uint8_t qos = 0;
    bool no_local = false;
    bool retain_as_published = false;
    std::uint8_t retain_handling = 0;
};

struct subscribe_packet {
    std::uint16_t packet_id = 0;
    mqtt::properties properties; // MQTT 5 only
    std::vector<subscription> subscriptions;
};

struct unsubscribe_packet {
    std::uint16_t packet_id = 0;
    mqtt::properties properties; // MQTT 5 only
    std::vector<std::string_view> filters;
};

// DISCONNECT and AUTH.
struct reason_packet {
    reason code = reason::success;
    mqtt::properties properties; // MQTT 5 only
};

// The body is what follows the fixed header, whole. What stands in `out` after a failure is not
// meant to be used, but for the version of a CONNECT.
// REQUIRES: the header came from parse_fixed_header; version is 4 or 5.
[[nodiscard]] checked parse_connect(std::string_view body, connect_packet& out);
[[nodiscard]] checked parse_publish(std::uint8_t flags, std::string_view body, std::uint8_t version,
                                    publish_packet& out);
[[nodiscard]] checked parse_ack(packet_type type, std::string_view body, std::uint8_t version,
                                ack_packet& out);
[[nodiscard]] checked parse_subscribe(std::string_view body, std::uint8_t version,
                                      subscribe_packet& out);
[[nodiscard]] checked parse_unsubscribe(std::string_view body, std::uint8_t version,
                                        unsubscribe_packet& out);
[[nodiscard]] checked parse_pingreq(std::string_view body);
[[nodiscard]] checked parse_disconnect(std::string_view body, std::uint8_t version,
                                       reason_packet& out);
[[nodiscard]] checked parse_auth(std::string_view body, std::uint8_t version, reason_packet& out);

} // namespace wharf::mqtt
