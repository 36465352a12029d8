// One device of the fleet: a persistent MQTT 5 session that comes back whenever its connection is
// lost. One thread.
#pragma once

#include "tests/bench/devices/channel.hpp"
#include "tests/bench/load/histogram.hpp"
#include "tests/bench/load/wire.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

namespace bench {

struct device_options {
    std::uint16_t port = 0;
    std::string client_prefix = "device";
    const tls_client* tls = nullptr; // without: plain text
    bool own_addresses = true;       // as devices have that are behind no other machine
    bool with_tickets = true;        // shows the ticket of the last connection
};

// What all devices count together.
struct fleet_tally {
    std::uint64_t next_event = 1;
    std::uint64_t up = 0;
    std::uint64_t handshakes = 0;
    std::uint64_t resumed = 0;
    std::uint64_t failed = 0;          // attempts to connect
    std::uint64_t lost = 0;            // connections that stood
    std::uint64_t session_present = 0; // the broker knew the session
    std::uint64_t refused = 0;         // PUBACKs that say no
    std::uint64_t unanswered = 0;      // events whose connection was lost before their PUBACK
    latency_histogram latency;         // from when an event was due to its PUBACK
};

class device {
  public:
    enum class state : std::uint8_t { away, connecting, opening, subscribing, up };

    device(const device_options& options, fleet_tally& tally, unsigned number);

    // Begins to connect.
    void begin(std::int64_t now_ns);
    void cut();
    // What epoll said of its socket.
    void on_ready(std::int64_t now_ns);
    // An event that was due then. REQUIRES: it is up.
    void publish(std::int64_t due_ns);

    [[nodiscard]] state at() const { return at_; }
    [[nodiscard]] int fd() const { return channel_->fd(); }
    [[nodiscard]] bool wants_to_write() const {
        return channel_->wants_to_write() || (at_ != state::connecting && !output_.empty());
    }
    // Where it is away: not before this.
    [[nodiscard]] std::int64_t again_ns() const { return again_ns_; }
    [[nodiscard]] std::int64_t began_ns() const { return began_ns_; }
    [[nodiscard]] std::size_t unanswered() const { return due_ns_.size(); }
    void lose(std::int64_t now_ns);

  private:
    void take(std::int64_t now_ns);
    void take_packet(const packet_view& packet, std::int64_t now_ns);
    void came_up();
    void flush(std::int64_t now_ns);

    const device_options& options_;
    fleet_tally& tally_;
    const unsigned number_;
    publish_template packet_;
    tls_ticket ticket_;
    std::optional<channel> channel_;
    state at_ = state::away;
    std::int64_t began_ns_ = 0;
    std::int64_t again_ns_ = 0;
    std::uint16_t last_packet_id_ = 0;
    std::deque<std::int64_t> due_ns_; // of what is not acknowledged; brokers answer in order
    std::string output_;
    std::string input_;
};

} // namespace bench
