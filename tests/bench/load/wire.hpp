// The few MQTT packets that the benches need, as bytes. Pure.
#pragma once

#include "tests/bench/events/event_source.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bench {

enum packet : std::uint8_t {
    k_connect = 1,
    k_connack = 2,
    k_publish = 3,
    k_puback = 4,
    k_subscribe = 8,
    k_suback = 9,
    k_pingreq = 12,
    k_pingresp = 13,
    k_disconnect = 14,
};

// version: 4 is MQTT 3.1.1, 5 is 5.
[[nodiscard]] std::string connect_packet(int version, std::string_view client_id, bool persistent);
[[nodiscard]] std::string subscribe_packet(int version, std::string_view filter, unsigned qos = 1);
[[nodiscard]] std::string puback_packet(std::uint16_t packet_id);

// A QoS 1 PUBLISH of one event, of which number() makes copies.
class publish_template {
  public:
    publish_template(int version, payload_kind kind, unsigned device);
    [[nodiscard]] std::size_t size() const { return bytes_.size(); }
    [[nodiscard]] std::size_t payload_bytes() const { return event_.bytes().size(); }
    void write(char* to, std::uint16_t packet_id, std::uint64_t event) const;

  private:
    event_template event_;
    std::string bytes_;
    std::size_t packet_id_at_ = 0;
    std::size_t payload_at_ = 0;
};

// One whole packet at the front of these bytes.
struct packet_view {
    std::uint8_t type = 0;
    std::uint8_t flags = 0;
    std::string_view body;
    std::size_t size = 0; // 0: it is not whole yet
};
[[nodiscard]] packet_view first_packet(std::string_view bytes);

// Of a QoS 1 PUBLISH.
[[nodiscard]] std::uint16_t packet_id_of_publish(std::string_view body);

} // namespace bench
