// MQTT as a client speaks it, 3.1.1 and 5: what the simulated devices send, and the few packets
// that a server sends to one that only publishes. Shares nothing with gateway/ingest/mqtt. Any
// thread.
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
};
[[nodiscard]] std::string encode(const publish& packet);
[[nodiscard]] std::string pubrel(std::uint16_t packet_id);
[[nodiscard]] std::string pingreq();
[[nodiscard]] std::string disconnect(int version);

enum class kind { connack, puback, pubrec, pubcomp, pingresp, disconnect, other };

struct answer {
    kind what = kind::other;
    std::uint16_t packet_id = 0;
    std::uint8_t reason = 0;
    bool session_present = false;
    std::uint16_t receive_maximum = 65535; // of a CONNACK
};
// Takes the first whole packet off the front; nothing while there is none.
[[nodiscard]] std::optional<answer> take(std::string& bytes, int version);

} // namespace wharf::sim::wire
