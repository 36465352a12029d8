// One connection that publishes QoS 1 events and counts what is acknowledged. One thread.
#pragma once

#include "tests/bench/load/histogram.hpp"
#include "tests/bench/load/net.hpp"
#include "tests/bench/load/wire.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace bench {

struct publisher_options {
    std::uint16_t port = 0;
    int version = 4;
    payload_kind kind = payload_kind::protobuf;
    std::string client_prefix = "bench";
    bool persistent = false;
    std::uint32_t window = 256; // unacknowledged at most
};

// What all connections count together.
struct tally {
    std::uint64_t sent = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t refused = 0; // acknowledged with a reason code that says no (MQTT 5)
    std::uint64_t next_event = 1;
    // While measuring.
    bool measuring = false;
    latency_histogram latency;
    std::uint64_t measured = 0;
};

class publisher {
  public:
    // Connects and waits for the CONNACK.
    publisher(const publisher_options& options, unsigned number);

    [[nodiscard]] int fd() const { return socket_.get(); }
    [[nodiscard]] std::uint32_t in_flight() const { return in_flight_; }
    [[nodiscard]] bool wants_to_write() const { return !rest_.empty(); }

    // Reads what is there and counts the acknowledgements.
    void on_readable(tally& counts);
    // Sends what an earlier send left.
    void flush();
    // Closed loop: as many as the window lets, once a good part of it is free.
    void fill(tally& counts);
    // Open loop: an event that was due at this time, sent as soon as the window lets.
    void schedule(std::int64_t due_ns) { due_.push_back(due_ns); }
    void send_due(tally& counts);

  private:
    void send(tally& counts, std::uint32_t count, bool scheduled);
    void acknowledged(tally& counts, std::uint16_t packet_id, std::int64_t now);
    std::size_t take_packets(tally& counts, std::string_view bytes, std::int64_t now);

    publish_template packet_;
    const std::uint32_t window_;
    std::uint32_t ring_; // a power of two, at least twice the window
    fd_owner socket_;
    std::vector<std::int64_t> sent_at_ns_; // by packet id - 1
    std::uint32_t next_ = 0;
    std::uint32_t in_flight_ = 0;
    std::deque<std::int64_t> due_;
    std::string rest_;  // composed and not taken by the socket
    std::string input_; // the part of a packet that came
};

} // namespace bench
