#include "tests/sim/plan.hpp"

#include "tests/sim/prng.hpp"

namespace wharf::sim {

namespace {

// Each concern is off in half of the seeds, so that a fault is also seen alone.
class dice {
  public:
    explicit dice(prng random) : random_(random) {}
    std::uint32_t rate(std::uint32_t most) {
        if (random_.chance(5000)) return 0;
        return static_cast<std::uint32_t>(random_.between(1, most));
    }
    std::int64_t every(std::int64_t low, std::int64_t high) {
        return random_.chance(4000) ? 0 : random_.between(low, high);
    }
    bool chance(std::uint32_t per_10000) { return random_.chance(per_10000); }
    std::int64_t between(std::int64_t low, std::int64_t high) { return random_.between(low, high); }
    std::size_t size(std::int64_t low, std::int64_t high) {
        return static_cast<std::size_t>(random_.between(low, high));
    }
    template <class List> auto pick(const List& list) { return random_.pick(list); }

  private:
    prng random_;
};

workload_plan draw_workload(dice d) {
    workload_plan out;
    out.span_us = d.between(60, 900) * k_second;
    out.devices = d.size(1, 10);
    out.messages = d.size(30, 250);
    if (d.chance(400)) out.messages = d.size(250, 1500);
    out.batch_events_max = d.chance(6000) ? 1 : d.size(2, 6);
    if (d.chance(30)) { // more than a lane's window
        out.messages = 900;
        out.batch_events_max = 12;
    }
    out.skus = d.size(1, 40);
    if (d.chance(3000)) out.skus = d.size(100, 2000);
    out.documents = d.size(1, 60);
    out.bad_payload = d.rate(300);
    out.unknown_topic = d.rate(100);
    out.duplicate = d.rate(1500);
    out.contradiction = d.rate(300);
    out.keyless = d.rate(4000);
    out.json = static_cast<std::uint32_t>(d.between(0, 10'000));
    out.milestones_are_telemetry = d.chance(5000);
    out.packet_ids_not_reused = d.chance(3000);
    return out;
}

client_plan draw_clients(dice d) {
    client_plan out;
    out.version_5 = static_cast<std::uint32_t>(d.between(0, 10'000));
    out.persistent = d.chance(3000) ? 10'000 : static_cast<std::uint32_t>(d.between(0, 10'000));
    out.qos_2 = d.rate(9'000);
    out.qos_0 = d.rate(1'500);
    out.in_flight_max = d.size(1, 24);
    out.patience_us = d.between(3, 40) * k_second;
    out.short_expiry = d.rate(4'000);
    out.clean_start = d.rate(2'500);
    if (d.chance(2000)) { // they come and go, and their sessions end meanwhile
        out.sleepy = 9'000;
        out.short_expiry = 9'000;
    }
    return out;
}

network_plan draw_network(dice d) {
    network_plan out;
    out.latency_us_max = d.between(200, 80'000);
    out.reset_every_us = d.every(5 * k_second, 5 * k_minute);
    out.half_open_every_us = d.every(20 * k_second, 10 * k_minute);
    out.pieces = d.rate(2000);
    return out;
}

machine_plan draw_machine(dice d) {
    machine_plan out;
    out.kill_every_us = d.every(20 * k_second, 10 * k_minute);
    out.power_cut_every_us = d.every(20 * k_second, 10 * k_minute);
    out.orderly_every_us = d.every(1 * k_minute, 20 * k_minute);
    out.kill_at_commit = d.rate(60);
    out.kill_at_delivery = d.rate(100);
    out.interrupted_recovery = d.rate(3000);
    out.commit_fails = d.rate(40);
    out.commit_no_space = d.rate(60);
    out.put_no_space = d.rate(60);
    out.read_fails = d.rate(15);
    out.slow_commit = d.rate(200);
    out.commit_us = d.between(200, 8'000);
    if (d.chance(2500)) out.commit_us = d.between(20, 300) * k_ms;
    out.clock_jump_every_us = d.every(30 * k_second, 10 * k_minute);
    out.store_bytes_max = k_ample_bytes;
    out.ring.ring_bytes = d.chance(3500) ? 0 : 4096 * static_cast<std::uint64_t>(d.between(4, 100));
    out.ring.block_bytes = d.chance(5000) ? 512 : 4096;
    out.ring.checkpoint_us = d.between(50, 30'000) * k_ms;
    out.ring.group_bytes_max = d.size(200, 16 * 1024);
    out.reshape_ring = d.rate(1000);
    if (d.chance(1500)) out.put_no_space = d.rate(4000); // group after group is rolled back
    return out;
}

gateway_plan draw_gateway(dice d, const workload_plan& work, machine_plan& machine) {
    gateway_plan out;
    const auto events = work.messages * (work.batch_events_max + 1) / 2;
    out.retention_us = d.chance(5000) ? d.between(0, 120) * k_second : 24 * k_hour;
    out.retention_percent = static_cast<std::uint32_t>(d.between(10, 75));
    if (d.chance(3500)) // the quota is reached while the ERP is away
        machine.store_bytes_max =
            static_cast<std::uint64_t>(d.between(180, 600)) * (events + 100) + 50'000;
    out.identity_age_us = 1000 * k_hour;
    out.identity_count = 1'000'000;
    if (d.chance(800)) {
        out.identity_is_exact = false;
        if (d.chance(5000))
            out.identity_age_us = d.between(5, 200) * k_second;
        else
            out.identity_count = static_cast<std::uint64_t>(d.between(10, 300));
    }
    // Often so small that runs are many, merged, and looked into in vain.
    if (d.chance(7000)) {
        out.identity.fingerprint_bits = static_cast<unsigned>(d.between(1, 8));
        out.identity.run_max = d.size(4, 200);
        out.identity.small_run = d.size(2, static_cast<std::int64_t>(out.identity.run_max));
        out.identity.small_runs_max = d.size(2, 20);
    }
    out.receive_maximum = d.chance(5000) ? 1024 : static_cast<std::uint16_t>(d.between(1, 30));
    out.queue_max = d.chance(6000) ? 16 * 1024 : d.size(2, 60);
    out.group_requests_max = d.chance(6000) ? 8 * 1024 : d.size(1, 40);
    out.announced_heads_max = d.chance(6000) ? 16 * 1024 : d.size(1, 60);
    out.submit_requests_max = d.chance(6000) ? 256 : d.size(1, 8);
    out.sign_in_us_max = d.chance(6000) ? 0 : d.between(1, 500) * k_ms;
    out.owned = d.chance(5000);
    const auto stranger_us = d.every(1 * k_second, 40 * k_second);
    if (out.owned) out.stranger_every_us = stranger_us;
    out.sheddable[index_of(lane::telemetry)] = d.chance(5000);
    out.sheddable[index_of(lane::count)] = d.chance(3000);
    return out;
}

void draw_delivery(dice& d, delivery_options& out) {
    out.gateway = k_gateway;
    out.in_order = d.chance(4000);
    out.can_ask = !d.chance(2500);
    out.settle_us = d.between(5, 60) * k_second;
    if (d.chance(4000)) out.remembers_keys_for_us = d.between(60, 900) * k_second;
    out.in_flight_max = d.size(1, 8);
    const auto items = d.chance(3000) ? 1 : d.size(2, 100);
    for (auto& lane_options : out.lanes) {
        lane_options.batch_items_max = items;
        lane_options.batch_bytes_max = d.size(300, 40'000);
        lane_options.batch_max_delay_us = d.between(0, 500) * k_ms;
    }
    for (auto which : {lane::count, lane::telemetry})
        out.lanes[index_of(which)].dead_blocks = d.chance(3000);
    out.retry_base_us = d.between(50, 1000) * k_ms;
    out.retry_cap_us = d.between(2, 30) * k_second;
    out.circuit_failures = static_cast<std::uint32_t>(d.between(2, 8));
    out.halve_after = static_cast<std::uint32_t>(d.between(1, 4));
    out.poison_attempts = static_cast<std::uint32_t>(d.between(2, 6));
    out.aside_after = static_cast<std::uint32_t>(d.between(2, 10));
}

erp_plan draw_erp(dice d, std::size_t number) {
    erp_plan out;
    out.name = number == 0 ? "erp" : "ledger";
    out.format = d.chance(6000) ? http_format::protobuf : http_format::json;
    draw_delivery(d, out.delivery);
    out.delivery.name = out.name;
    out.timeout_us = d.between(3, 30) * k_second;
    out.service_us_max = d.between(1, 400) * k_ms;
    out.away_every_us = d.every(30 * k_second, 5 * k_minute);
    out.away_us_max = d.between(5, 300) * k_second;
    out.restart_every_us = d.every(20 * k_second, 5 * k_minute);
    if (d.chance(2000)) out.items_max = d.size(1, 20);
    out.refuses_whole = d.chance(3000);
    out.lost_request = d.rate(500);
    out.lost_answer = d.rate(1000);
    out.applied_late = d.rate(500);
    out.throttled = d.rate(800);
    out.unavailable = d.rate(800);
    out.failed = d.rate(500);
    out.nonsense = d.rate(400);
    out.credentials = d.rate(40);
    out.refused = d.rate(300);
    out.refused_for_good = d.rate(100);
    out.forbidden = d.rate(60);
    out.poison = d.rate(60);
    out.in_progress = d.rate(400);
    out.item_error = d.rate(300);
    out.item_missing = d.rate(300);
    if (d.chance(1500)) { // it stops in the middle of batches, and its answers have gaps
        out.delivery.in_order = true;
        out.item_error = d.rate(1500);
        out.item_missing = d.rate(1500);
    }
    return out;
}

local_plan draw_local(dice d, const machine_plan& machine) {
    local_plan out;
    out.broker.site = k_site;
    if (d.chance(3000)) return out; // nobody consumes anything here
    out.subscribers = d.size(1, 4);
    out.version_5 = static_cast<std::uint32_t>(d.between(0, 10'000));
    out.persistent = d.chance(5000) ? 10'000 : static_cast<std::uint32_t>(d.between(0, 10'000));
    out.clean_start = d.rate(2'500);
    out.short_expiry = d.rate(4'000);
    out.qos_0 = d.rate(2'500);
    out.qos_2 = d.rate(8'000);
    out.renews = d.rate(1'000);
    out.leaves = d.rate(2'000);
    out.stalls = d.rate(1'000);
    out.wide = d.chance(5000) ? 0 : static_cast<std::uint32_t>(d.between(500, 6'000));
    out.away_us_max = d.between(1, 120) * k_second;
    out.ack_delay_us_max = d.chance(4000) ? 0 : d.between(1, 4'000) * k_ms;
    if (d.chance(6000)) out.receive_maximum = static_cast<std::uint16_t>(d.between(1, 12));
    out.topics = d.size(1, 8);
    out.tasks = d.size(5, 120);
    out.payload_bytes_max = d.chance(8000) ? 40 : d.size(500, 6000);
    out.retain = d.rate(5'000);
    out.clear = d.rate(3'000);
    out.expiry = d.rate(2'000);
    out.broker.inflight_max = static_cast<std::uint16_t>(d.chance(6000) ? 64 : d.between(1, 6));
    out.ample = !d.chance(2500);
    const auto messages = d.size(2, 40);
    const auto bytes = d.size(2'000, 40'000);
    const auto retained = d.size(1, 4);
    const auto retained_bytes = d.size(300, 4'000);
    if (!out.ample) {
        out.broker.queue_messages_max = messages;
        out.broker.queues_bytes_max = bytes;
        out.broker.retained = {retained, retained_bytes};
    }
    if (d.chance(1000)) { // what expires between two tries
        out.expiry = 6'000;
        out.qos_2 = 8'000;
        out.leaves = 2'000;
        out.away_us_max = 60 * k_second;
    }
    if (d.chance(1000)) { // sessions end while messages are on their way to them
        out.clean_start = 6'000;
        out.renews = 2'000;
        out.leaves = 4'000;
        out.away_us_max = 500 * k_ms;
    }
    out.wills = d.rate(8'000);
    if (machine.store_bytes_max < k_ample_bytes) { // its queues must leave room for the events
        out.ample = false;
        out.payload_bytes_max = 40;
        out.broker.queues_bytes_max = machine.store_bytes_max / 16;
        out.broker.retained.bytes_max = machine.store_bytes_max / 16;
    }
    return out;
}

} // namespace

plan draw_plan(std::uint64_t seed) {
    const prng root(seed);
    plan out;
    out.seed = seed;
    out.work = draw_workload(dice(root.split(1)));
    out.clients = draw_clients(dice(root.split(2)));
    out.net = draw_network(dice(root.split(3)));
    out.machine = draw_machine(dice(root.split(4)));
    out.gateway = draw_gateway(dice(root.split(5)), out.work, out.machine);
    out.local = draw_local(dice(root.split(20)), out.machine);
    dice d(root.split(6));
    const std::size_t erps = d.chance(1500) ? 2 : 1;
    for (std::size_t i = 0; i < erps; ++i)
        out.erps.push_back(draw_erp(dice(root.split(7 + i)), i));
    for (auto& erp : out.erps)
        for (std::size_t i = 0; i < k_lane_count; ++i)
            erp.delivery.lanes[i].sheddable = out.gateway.sheddable[i];
    // What is shed meets what the ERP has under way.
    if (out.gateway.sheddable[index_of(lane::telemetry)])
        for (auto& erp : out.erps)
            erp.in_progress *= 8;
    // The gateway takes up to an hour between two clocks for a correction.
    const bool small = out.machine.store_bytes_max < k_ample_bytes;
    for (auto& one : out.erps) {
        if (small) one.delivery.park_ops_max = 4; // its reserve is small, too
        one.memory_margin_us = 2 * k_minute + (out.machine.clock_jump_every_us > 0 ? k_hour : 0);
    }
    out.person_every_us = d.between(5, 120) * k_second;
    out.person_discards = static_cast<std::uint32_t>(d.between(0, 6000));
    return out;
}

} // namespace wharf::sim
