// MQTT as a client speaks it, 3.1.1 and 5: what the simulated devices and subscribers send, and
// what a server sends to them. Shares nothing with gateway/ingest/mqtt. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wharf::sim::wire {

struct connect {
    int version = 4;
    std::string client_id;
    bool clean = false;
    std::uint32_t expiry_s = 0; // MQTT 5
    std::uint16_t keep_alive_s = 0;
    std::uint16_t receive_maximum = 0; // MQTT 5; 0: not said
    struct last_will {
        std::string topic; // empty: none
        std::string payload;
        std::uint8_t qos = 0;
        bool retain = false;
        std::uint32_t delay_s = 0; // MQTT 5
    };
    last_will will = {};
    std::string username = {}; // empty: none
};
[[nodiscard]] std::string encode(const connect& packet);

struct publish {
    int version = 4;
    std::string_view topic; // empty with an alias that is known
    std::string_view payload;
    std::uint8_t qos = 0;
    bool dup = false;
    std::uint16_t packet_id = 0;
    std::uint16_t alias = 0; // MQTT 5; 0: none
    bool retain = false;
    std::uint32_t expiry_s = 0; // MQTT 5; 0: none
};
[[nodiscard]] std::string encode(const publish& packet);
[[nodiscard]] std::string subscribe(int version, std::uint16_t packet_id, std::string_view filter,
                                    std::uint8_t qos);
[[nodiscard]] std::string unsubscribe(int version, std::uint16_t packet_id,
                                      std::string_view filter);
[[nodiscard]] std::string pubrel(std::uint16_t packet_id);
[[nodiscard]] std::string pingreq();
[[nodiscard]] std::string disconnect(int version);

enum class kind {
    connack,
    publish,
    puback,
    pubrec,
    pubrel,
    pubcomp,
    suback,
    unsuback,
    pingresp,
    disconnect,
    other
};
// What a receiver says to a PUBLISH or a PUBREL: puback, pubrec or pubcomp.
[[nodiscard]] std::string acknowledgement(kind what, std::uint16_t packet_id);

struct answer {
    kind what = kind::other;
    std::uint16_t packet_id = 0;
    std::uint8_t reason = 0;
    bool session_present = false;
    std::uint16_t receive_maximum = 65535; // of a CONNACK
    // Of a PUBLISH:
    std::uint8_t qos = 0;
    bool dup = false;
    bool retain = false;
    std::string topic;
    std::string payload;
};
// Takes the first whole packet off the front; nothing while there is none.
[[nodiscard]] std::optional<answer> take(std::string& bytes, int version);

} // namespace wharf::sim::wire
