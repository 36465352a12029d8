// What a seed draws before anything runs: the size of the warehouse, how the gateway is configured,
// and how often what goes wrong. Rates are per ten thousand.
#pragma once

#include "gateway/base/lane.hpp"
#include "gateway/broker/broker.hpp"
#include "gateway/identity/window.hpp"
#include "gateway/ring/ring_store.hpp"
#include "sync/connectors/http/http_connector.hpp"
#include "sync/delivery/options.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace wharf::sim {

inline constexpr std::int64_t k_ms = 1'000;
inline constexpr std::int64_t k_second = 1'000'000;
inline constexpr std::int64_t k_minute = 60 * k_second;
inline constexpr std::int64_t k_hour = 60 * k_minute;

inline constexpr const char* k_site = "ber1";
inline constexpr const char* k_gateway = "WH7";

struct workload_plan {
    std::int64_t span_us = 0; // in which events happen
    std::size_t devices = 0;
    std::size_t messages = 0;
    std::size_t batch_events_max = 1; // events of one message
    std::size_t skus = 1;
    std::size_t documents = 1;
    std::uint32_t bad_payload = 0;
    std::uint32_t unknown_topic = 0;
    std::uint32_t duplicate = 0;
    std::uint32_t contradiction = 0;
    std::uint32_t keyless = 0;
    std::uint32_t json = 0; // the rest is protobuf
    bool milestones_are_telemetry = false;
    bool packet_ids_not_reused = false;
};

struct client_plan {
    std::uint32_t version_5 = 0;
    std::uint32_t persistent = 0;
    std::uint32_t qos_2 = 0;
    std::uint32_t qos_0 = 0;
    std::size_t in_flight_max = 1;
    std::int64_t patience_us = 0;   // for an acknowledgement, before it connects again
    std::uint32_t short_expiry = 0; // of persistent sessions
    std::uint32_t clean_start = 0;  // of their connections
    std::uint32_t sleepy = 2500;    // leave when they have nothing to tell
};

struct network_plan {
    std::int64_t latency_us_max = 0;
    std::int64_t reset_every_us = 0; // 0: never
    std::int64_t half_open_every_us = 0;
    std::uint32_t pieces = 0;
};

constexpr std::uint64_t k_ample_bytes = 1ULL << 40; // of a store: nothing reaches its quota

struct machine_plan { // the one that the gateway runs on
    std::int64_t kill_every_us = 0;
    std::int64_t power_cut_every_us = 0;
    std::int64_t orderly_every_us = 0;
    std::uint32_t kill_at_commit = 0;
    std::uint32_t kill_at_delivery = 0;
    std::uint32_t interrupted_recovery = 0;
    std::uint32_t commit_fails = 0;
    std::uint32_t commit_no_space = 0;
    std::uint32_t put_no_space = 0;
    std::uint32_t read_fails = 0;
    std::uint32_t slow_commit = 0;
    std::int64_t commit_us = 0;
    std::int64_t clock_jump_every_us = 0;
    std::uint64_t store_bytes_max = 0;
    ring_options ring;              // no bytes: none
    std::uint32_t reshape_ring = 0; // of starts
};

struct gateway_plan {
    std::int64_t retention_us = 0;
    std::uint32_t retention_percent = 70;
    std::int64_t identity_age_us = 0;
    std::uint64_t identity_count = 0;
    identity_tuning identity;
    bool identity_is_exact = true;      // the window is larger than the workload
    std::int64_t sign_in_us_max = 0;    // until it is known who connects
    bool owned = false;                 // a session belongs to an identity
    std::int64_t stranger_every_us = 0; // somebody under another's client identifier
    std::array<bool, k_lane_count> sheddable{};
    std::uint16_t receive_maximum = 1024;
    // The shell's own bounds, smaller than those of limits.hpp so that they are reached.
    std::size_t queue_max = 0;
    std::size_t group_requests_max = 0;
    std::size_t announced_heads_max = 0;
    std::size_t submit_requests_max = 0;
};

struct erp_plan {
    std::string name;
    http_format format = http_format::json;
    delivery_options delivery;
    std::int64_t timeout_us = 0;
    std::int64_t service_us_max = 0;
    // How much longer than promised it remembers keys: requests take time to arrive, and an age
    // that is counted across a restart is as good as the wall clock.
    std::int64_t memory_margin_us = 0;
    std::int64_t away_every_us = 0;
    std::int64_t away_us_max = 0;
    std::int64_t restart_every_us = 0;
    std::size_t items_max = 0;  // 0: any number; more is answered with 413
    bool refuses_whole = false; // 422 for the request instead of an answer per item
    // Per request.
    std::uint32_t lost_request = 0;
    std::uint32_t lost_answer = 0;
    std::uint32_t applied_late = 0;
    std::uint32_t throttled = 0;
    std::uint32_t unavailable = 0;
    std::uint32_t failed = 0;
    std::uint32_t nonsense = 0;
    std::uint32_t credentials = 0;
    // Per item.
    std::uint32_t refused = 0;
    std::uint32_t refused_for_good = 0;
    std::uint32_t forbidden = 0;
    std::uint32_t poison = 0;
    std::uint32_t in_progress = 0;
    std::uint32_t item_error = 0;
    std::uint32_t item_missing = 0;
};

// What is consumed on site: who subscribes, and what is published for the site alone.
struct local_plan {
    std::size_t subscribers = 0;
    std::uint32_t version_5 = 0;
    std::uint32_t persistent = 0;
    std::uint32_t clean_start = 0;  // of their connections
    std::uint32_t short_expiry = 0; // of persistent sessions
    std::uint32_t qos_0 = 0;        // of subscriptions and of tasks
    std::uint32_t qos_2 = 0;
    std::uint32_t renews = 0; // of looks: it subscribes again
    std::uint32_t leaves = 0; // of looks: it goes away for a while
    std::uint32_t stalls = 0; // of looks: it does not read for a while
    std::uint32_t wide = 0;   // of filters: events are consumed, too
    std::int64_t away_us_max = 0;
    std::int64_t ack_delay_us_max = 0;
    std::uint16_t receive_maximum = 0; // at most; 0: not said
    std::size_t topics = 1;
    std::size_t tasks = 0;
    std::size_t payload_bytes_max = 1;
    std::uint32_t retain = 0;
    std::uint32_t clear = 0; // of what is retained: nothing, so that the topic's is forgotten
    std::uint32_t expiry = 0;
    std::uint32_t wills = 0; // of devices' connections
    // Bounds that nothing reaches: what is delivered can be judged.
    bool ample = true;
    broker::broker_options broker;
};

struct plan {
    std::uint64_t seed = 0;
    workload_plan work;
    client_plan clients;
    network_plan net;
    machine_plan machine;
    gateway_plan gateway;
    local_plan local;
    std::vector<erp_plan> erps;
    std::int64_t person_every_us = 0;
    std::uint32_t person_discards = 0;
};

[[nodiscard]] plan draw_plan(std::uint64_t seed);

} // namespace wharf::sim
