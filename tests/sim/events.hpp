// The facts of a simulated warehouse: what happened, on which device, under which names, and what
// the simulation knows about them apart from the gateway. One thread.
#pragma once

#include "tests/sim/plan.hpp"
#include "tests/sim/world.hpp"
#include "wharf/v1/event.pb.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace wharf::sim {

// The simulation's name for one fact: from 1, carried in the event's user field.
using fact_id = std::uint32_t;
// Facts that must not both be accepted share a group: repetitions are the same fact, contradictions
// another one of the same group.
using group_id = std::uint32_t;
// A document or a piece of stock.
using key_id = std::uint32_t;

struct fact {
    group_id group = 0;
    bool valid = true;
    bool keyless = false; // nothing tells it from an equal one
    lane in_lane = lane::inventory;
    std::vector<key_id> keys;
};

// One PUBLISH.
struct message {
    std::int64_t at_us = 0;
    std::size_t device = 0;
    std::string topic;
    std::string payload;
    std::vector<fact_id> facts; // one for each event; none where the payload cannot be read
    std::uint8_t qos = 1;
    bool local = false; // for the site alone: a task
    bool retain = false;
    std::uint32_t expiry_s = 0; // 0: none
    // Of its way:
    bool acknowledged = false;
    bool sent = false;
    bool sent_anew = false; // in a session that knew nothing of it
    std::uint32_t times_sent = 0;
    std::uint32_t times_anew = 0; // of these, in how many sessions
};

struct workload {
    std::vector<fact> facts;       // by fact_id; the first is unused
    std::vector<message> messages; // events in order of time, and behind them tasks so
};

[[nodiscard]] workload make_workload(const plan& from, world& in);
[[nodiscard]] std::string device_name(std::size_t device);
// The fact that an event names; 0 where it names none.
[[nodiscard]] fact_id fact_of(const wharf::v1::Event& event);

} // namespace wharf::sim
