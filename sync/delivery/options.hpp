// How one destination is to be served. Filled from the configuration, checked there; the machine
// asserts the hard bounds.
#pragma once

#include "gateway/base/lane.hpp"
#include "gateway/base/limits.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace wharf {

struct lane_delivery_options {
    std::size_t batch_items_max = 100;
    std::size_t batch_bytes_max = 256 * 1024; // of the events as stored
    std::int64_t batch_max_delay_us = 50'000;
    bool dead_blocks = true; // a dead letter holds back later updates of its keys
    bool sheddable = false;  // its oldest updates give way where the journal is full
};

struct delivery_options {
    std::uint8_t destination = 0;
    std::string name = "erp";
    std::string gateway;
    // Where it stands from the start that another gateway has taken over: in words. Nothing is
    // sent.
    std::string fenced;
    std::uint32_t mapping_revision = 1;
    bool paused = false;                           // an operator paused it before this start
    std::array<bool, k_lane_count> paused_lanes{}; // or single lanes of it
    // The ERP applies the items of a batch in order and stops at the first it does not apply.
    bool in_order = false;
    bool can_ask = true;
    std::int64_t remembers_keys_for_us = 90LL * 24 * 3600 * 1'000'000;
    // "Not held" proves nothing sooner than this after an attempt.
    std::int64_t settle_us = 60'000'000;

    std::size_t in_flight_max = 4;
    std::array<lane_delivery_options, k_lane_count> lanes{};

    std::int64_t retry_base_us = 500'000;
    std::int64_t retry_cap_us = 60'000'000;
    std::int64_t retry_after_max_us = 3'600'000'000;
    std::uint32_t circuit_failures = 5;
    // So many 500s for a batch of several items halve it.
    std::uint32_t halve_after = 3;
    // So many unknown outcomes alone, each with a success of others since the one before, are dead.
    std::uint32_t poison_attempts = 5;
    // So many "not now" for one item move it to the parked set, so that its lane can go on.
    std::uint32_t aside_after = 10;
    // So many updates are parked behind dead letters, or shed, in one request to the journal. What
    // is with it when it runs short of space has to fit into its reserve.
    std::size_t park_ops_max = 256;
    // So many different documents forbidden in a row: it is the credentials.
    std::uint32_t forbidden_stop = 3;

    // Whether the machine notes how long things take: delivery_note in machine.hpp. Who wants that
    // takes the notes.
    bool notes = false;
    // The journal's time minus the monotonic clock's.
    std::int64_t journal_ahead_us = 0;

    delivery_options() {
        lanes[index_of(lane::count)].dead_blocks = false;
        lanes[index_of(lane::telemetry)].dead_blocks = false;
    }
};

} // namespace wharf
