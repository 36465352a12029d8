// Writers for the packets a server sends, MQTT 3.1.1 and 5, appended to a string. Where the client
// set a Maximum Packet Size, the reason string is dropped first; a packet that does not fit even
// so is not written [MQTT-3.1.2-24], [MQTT-3.1.2-25]. Any thread.
#pragma once

#include "gateway/ingest/mqtt/packet.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace wharf::mqtt {

// Who the packet is for.
struct recipient {
    std::uint8_t version = k_version_3_1_1;
    std::uint32_t packet_bytes_max = 0; // 0: no limit was set
};

struct connack_packet {
    bool session_present = false;
    reason code = reason::success; // worded as a connect_return for 3.1.1
    // MQTT 5, only with Success but for the reason string:
    std::optional<std::uint32_t> session_expiry_s;
    std::optional<std::uint16_t> server_keep_alive_s;
    std::uint16_t receive_maximum = 65535;
    std::uint32_t packet_bytes_max = 0; // 0: not announced
    std::uint16_t topic_alias_maximum = 0;
    std::string_view assigned_client_id; // empty: not assigned
    std::string_view reason_string;
};

// A PUBLISH to a client. Views are read during the call only.
struct outgoing_publish {
    std::string_view topic;
    std::string_view payload;
    std::uint8_t qos = 0;
    bool dup = false;
    bool retain = false;
    std::uint16_t packet_id = 0; // 0 with QoS 0
    // MQTT 5:
    bool payload_is_utf8 = false;
    std::optional<std::uint32_t> message_expiry_s; // what is left of it
    std::string_view content_type;
    std::string_view response_topic;
    std::optional<std::string_view> correlation_data;
    std::span<const user_property> user_properties;
    std::span<const std::uint32_t> subscription_identifiers;
    std::uint16_t topic_alias =
        0; // 0: none; without a topic it stands for one that was said before
};

// Each returns false where the packet would not fit and nothing was written.
[[nodiscard]] bool append_connack(std::string& out, const recipient& to,
                                  const connack_packet& packet);
// PUBACK, PUBREC, PUBREL, PUBCOMP; the reason is not written for 3.1.1. At most 5 bytes.
void append_ack(std::string& out, const recipient& to, packet_type type, std::uint16_t packet_id,
                reason code);
[[nodiscard]] bool append_publish(std::string& out, const recipient& to,
                                  const outgoing_publish& packet);
// 3.1.1 knows 0, 1, 2 and 0x80: a failure is written as 0x80.
[[nodiscard]] bool append_suback(std::string& out, const recipient& to, std::uint16_t packet_id,
                                 std::span<const reason> codes, std::string_view reason_string);
// 3.1.1 has no codes.
[[nodiscard]] bool append_unsuback(std::string& out, const recipient& to, std::uint16_t packet_id,
                                   std::span<const reason> codes);
void append_pingresp(std::string& out);
// REQUIRES: to.version is 5: a 3.1.1 server just closes.
[[nodiscard]] bool append_disconnect(std::string& out, const recipient& to, reason code,
                                     std::string_view reason_string);

} // namespace wharf::mqtt
