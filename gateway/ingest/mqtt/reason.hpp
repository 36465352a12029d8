// MQTT 5 reason codes (MQTT 5.0, section 2.4), and the error that every parser of this module
// returns. MQTT 3.1.1 has no reason codes: there the code only tells the log and the session what
// kind of violation it was. Any thread.
#pragma once

#include "gateway/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace wharf::mqtt {

enum class reason : std::uint8_t {
    success = 0x00, // also: normal disconnection
    disconnect_with_will = 0x04,
    no_matching_subscribers = 0x10,
    no_subscription_existed = 0x11,
    continue_authentication = 0x18,
    reauthenticate = 0x19,
    unspecified_error = 0x80,
    malformed_packet = 0x81,
    protocol_error = 0x82,
    implementation_specific_error = 0x83,
    unsupported_protocol_version = 0x84,
    client_identifier_not_valid = 0x85,
    bad_user_name_or_password = 0x86,
    not_authorized = 0x87,
    server_unavailable = 0x88,
    server_busy = 0x89,
    banned = 0x8A,
    server_shutting_down = 0x8B,
    bad_authentication_method = 0x8C,
    keep_alive_timeout = 0x8D,
    session_taken_over = 0x8E,
    topic_filter_invalid = 0x8F,
    topic_name_invalid = 0x90,
    packet_identifier_in_use = 0x91,
    packet_identifier_not_found = 0x92,
    receive_maximum_exceeded = 0x93,
    topic_alias_invalid = 0x94,
    packet_too_large = 0x95,
    message_rate_too_high = 0x96,
    quota_exceeded = 0x97,
    administrative_action = 0x98,
    payload_format_invalid = 0x99,
    retain_not_supported = 0x9A,
    qos_not_supported = 0x9B,
    use_another_server = 0x9C,
    server_moved = 0x9D,
    shared_subscriptions_not_supported = 0x9E,
    connection_rate_exceeded = 0x9F,
    maximum_connect_time = 0xA0,
    subscription_identifiers_not_supported = 0xA1,
    wildcard_subscriptions_not_supported = 0xA2,
};

// The name as the standard writes it; "unknown reason code" for a value it does not define.
[[nodiscard]] std::string_view to_string(reason code) noexcept;

[[nodiscard]] constexpr bool is_failure(reason code) noexcept {
    return static_cast<std::uint8_t>(code) >= 0x80;
}

// What the peer did wrong: the code for MQTT 5, and words that name the field, what was expected
// and the normative statement where there is one.
struct protocol_error {
    reason code = reason::malformed_packet;
    std::string message;
};

using checked = result<success, protocol_error>;

// What a server answers in a 3.1.1 CONNACK (MQTT 3.1.1, section 3.2.2.3).
enum class connect_return : std::uint8_t {
    accepted = 0,
    unacceptable_protocol_version = 1,
    identifier_rejected = 2,
    server_unavailable = 3,
    bad_user_name_or_password = 4,
    not_authorized = 5,
};

// The nearest 3.1.1 word for a refusal.
[[nodiscard]] connect_return to_connect_return(reason code) noexcept;

} // namespace wharf::mqtt
