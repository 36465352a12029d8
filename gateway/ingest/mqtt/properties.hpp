// The property list of MQTT 5 packets (MQTT 5.0, section 2.2.2), as views into the packet. Which
// property may stand in which packet, how often and with which values is checked here. Any thread.
#pragma once

#include "gateway/ingest/mqtt/field_reader.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace wharf::mqtt {

// Only what a server may receive or send.
enum class property : std::uint8_t {
    payload_format_indicator = 0x01,
    message_expiry_interval = 0x02,
    content_type = 0x03,
    response_topic = 0x08,
    correlation_data = 0x09,
    subscription_identifier = 0x0B,
    session_expiry_interval = 0x11,
    assigned_client_identifier = 0x12,
    server_keep_alive = 0x13,
    authentication_method = 0x15,
    authentication_data = 0x16,
    request_problem_information = 0x17,
    will_delay_interval = 0x18,
    request_response_information = 0x19,
    reason_string = 0x1F,
    receive_maximum = 0x21,
    topic_alias_maximum = 0x22,
    topic_alias = 0x23,
    retain_available = 0x25,
    user_property = 0x26,
    maximum_packet_size = 0x27,
    wildcard_subscription_available = 0x28,
    subscription_identifier_available = 0x29,
    shared_subscription_available = 0x2A,
};

struct user_property {
    std::string_view name;
    std::string_view value;
};

// The places a property list can stand in a packet that a server receives.
enum class property_place : std::uint8_t {
    connect,
    will,
    publish,
    acknowledgement, // PUBACK, PUBREC, PUBREL, PUBCOMP
    subscribe,
    unsubscribe,
    disconnect,
    auth,
};

// Views into the packet. An absent property has the value the standard gives it.
struct properties {
    std::uint64_t present = 0; // bit n: property n was there
    std::uint8_t payload_format_indicator = 0;
    std::uint8_t request_problem_information = 1;
    std::uint8_t request_response_information = 0;
    std::uint16_t receive_maximum = 65535;
    std::uint16_t topic_alias_maximum = 0;
    std::uint16_t topic_alias = 0;
    std::uint32_t message_expiry_s = 0;
    std::uint32_t session_expiry_s = 0;
    std::uint32_t will_delay_s = 0;
    std::uint32_t maximum_packet_bytes = 0; // 0: no limit was set
    std::uint32_t subscription_identifier = 0;
    // User properties past limits::k_user_properties_max: counted, not kept.
    std::uint32_t user_dropped = 0;
    std::string_view content_type;
    std::string_view response_topic;
    std::string_view correlation_data;
    std::string_view authentication_method;
    std::string_view authentication_data;
    std::string_view reason_string;
    std::vector<user_property> user;

    [[nodiscard]] bool has(property id) const noexcept {
        return ((present >> static_cast<unsigned>(id)) & 1u) != 0;
    }
    // Back to all absent; the vector keeps its memory.
    void clear();
};

// Reads the length and the list. Failures are the reader's.
void read_properties(field_reader& in, property_place place, properties& out);

} // namespace wharf::mqtt
