// Thousands of devices in one loop, led by lines on standard input; each answer is a line of JSON.
#pragma once

#include "tests/bench/devices/device.hpp"

#include <string>
#include <vector>

namespace bench {

struct fleet_options {
    device_options device;
    unsigned devices = 100;
    unsigned first_number = 0;
    double rate = 0; // events per second over all devices that are up, on a fixed schedule
    std::uint64_t first_event = 1;
};

class fleet {
  public:
    explicit fleet(const fleet_options& options);
    // Until standard input ends. At first all connect, some at a time.
    void run();

  private:
    struct watched {
        int fd = -1;
        bool writes = false;
        std::uint32_t generation = 0;
    };

    void command(const std::string& line);
    void read_commands();
    // Every connection is cut at once and comes back at once.
    void storm(bool with_tickets);
    void begin_count();
    void say_counted(const char* what);
    void say_latency();
    void bring_up(std::int64_t now_ns);
    std::int64_t publish_due(std::int64_t now_ns);
    void begin(unsigned index, std::int64_t now_ns);
    void watch(unsigned index);
    void settled(unsigned index, bool was_up, std::int64_t now_ns);

    fleet_options options_;
    fleet_tally tally_;
    poller poll_;
    std::vector<std::unique_ptr<device>> all_;
    std::vector<watched> watched_;
    std::string input_;
    bool ended_ = false;
    unsigned under_way_max_;
    std::int64_t looked_ns_ = 0;
    // Of what is counted now: connecting at first, a storm, a restart of the broker.
    const char* counting_ = nullptr;
    std::uint64_t ups_ = 0;
    std::int64_t since_ns_ = 0;
    double cpu_since_s_ = 0;
    latency_histogram back_; // from the beginning until a device is up
    // The schedule of events.
    std::int64_t schedule_ns_ = 0;
    std::uint64_t scheduled_ = 0;
    unsigned turn_ = 0;
    std::uint64_t skipped_ = 0; // no device was up
    latency_histogram lateness_;
    double cpu_reported_s_ = 0;
    std::int64_t reported_ns_ = 0;
};

} // namespace bench
