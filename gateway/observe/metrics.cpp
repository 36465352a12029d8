#include "gateway/observe/metrics.hpp"

#include "gateway/observe/metrics_page.hpp"

#include <array>
#include <initializer_list>
#include <utility>

namespace wharf::observe {

namespace {

using page = metrics_page;

void render_gateway(page& out, const gateway_snapshot& now) {
    out.family("info", "gauge", "What runs here; the value is always 1.");
    out.sample({{"gateway", now.gateway}, {"site", now.site}, {"version", now.version}},
               std::uint64_t{1});
    out.one("uptime_seconds", "gauge", "Time since the start.", now.uptime_s);
    out.one("clock_synchronised", "gauge", "1 where the wall clock is synchronised.",
            flag(now.clock_synchronised));
    out.family("log_lines_total", "counter", "Log lines written, by level.");
    for (const auto& [level, count] : now.log_lines_by_level)
        out.sample({{"level", level}}, count);
}

void render_intake(page& out, const gateway_snapshot& now) {
    out.one("events_received_total", "counter", "Events received: the left side of the books.",
            now.intake.received);
    out.family("events_intake_total", "counter",
               "What became of received events; the sum is wharf_events_received_total.");
    out.sample({{"outcome", "refused"}}, now.intake.refused);
    out.sample({{"outcome", "quarantined"}}, now.intake.quarantined);
    out.sample({{"outcome", "duplicate"}}, now.intake.duplicate);
    out.sample({{"outcome", "accepted"}}, now.intake.accepted);
    out.family("duplicates_total", "counter", "Duplicates by the rule that knew them.");
    for (const auto& [rule, count] : now.duplicates_by_rule)
        out.sample({{"rule", rule}}, count);
    out.one("quarantine_messages", "gauge", "Messages that wait in quarantine for a person.",
            now.quarantine_open);
    out.one("books_balance", "gauge", "1 where both equations of the books hold.",
            flag(now.books().balance()));
}

void render_broker(page& out, const broker_snapshot& at) {
    out.one("mqtt_subscriptions", "gauge", "Subscriptions of all sessions.", at.subscriptions);
    out.one("mqtt_retained_messages", "gauge", "Topics with a retained message.", at.retained);
    out.one("mqtt_queued_bytes", "gauge", "Bytes that wait for subscribers.", at.queued_bytes);
    out.one("mqtt_delivered_total", "counter", "PUBLISH packets sent to subscribers.",
            at.delivered);
    out.family("mqtt_undelivered_total", "counter",
               "Messages that a subscriber did not get, by reason.");
    out.sample({{"reason", "queue_full"}}, at.queue_full);
    out.sample({{"reason", "slow_client"}}, at.slow_client);
    out.sample({{"reason", "expired"}}, at.expired);
    out.sample({{"reason", "too_large"}}, at.too_large);
    out.sample({{"reason", "not_allowed"}}, at.not_allowed);
    out.one("mqtt_retained_refused_total", "counter",
            "Messages that were not retained for want of room.", at.retained_refused);
    out.one("mqtt_wills_total", "counter", "Wills published.", at.wills);
    out.one("mqtt_receipts_total", "counter", "Receipts sent.", at.receipts);
}

void render_listener(page& out, const listener_snapshot& at) {
    out.one("mqtt_listening", "gauge", "1 while connections are taken.", flag(at.listening));
    out.one("mqtt_connections", "gauge", "MQTT connections now.", at.connections);
    out.one("mqtt_sessions", "gauge", "Journaled MQTT sessions, connected or not.", at.sessions);
    out.one("mqtt_connections_refused_total", "counter", "MQTT connections refused.",
            at.connections_refused);
    out.one("mqtt_closed_by_gateway_total", "counter",
            "Connections that the gateway ended: protocol errors, time-outs, take-overs.",
            at.closed_by_gateway);
    out.family("mqtt_messages_total", "counter", "PUBLISH packets received, by QoS.");
    constexpr std::array<std::string_view, 3> qos = {"0", "1", "2"};
    for (std::size_t i = 0; i < qos.size(); ++i)
        out.sample({{"qos", qos[i]}}, at.messages_by_qos[i]);
    if (at.tls) {
        out.family("mqtt_tls_handshakes_total", "counter",
                   "TLS handshakes of devices, by how they ended.");
        out.sample({{"end", "full"}}, at.tls->full);
        out.sample({{"end", "resumed"}}, at.tls->resumed);
        out.sample({{"end", "failed"}}, at.tls->failed);
        out.sample({{"end", "timed_out"}}, at.tls->timed_out);
        out.sample({{"end", "shed"}}, at.tls->shed);
    }
    out.histogram("mqtt_ack_seconds", "From a PUBLISH to its durable PUBACK or PUBREC.",
                  at.ack_latency);
    render_broker(out, at.broker);
}

void render_access(page& out, const access_snapshot& at) {
    auto by = [&](std::string_view name, std::string_view help, std::string_view label,
                  std::initializer_list<std::pair<std::string_view, std::uint64_t>> rows) {
        out.family(name, "counter", help);
        for (const auto& [value, count] : rows)
            out.sample({{label, value}}, count);
    };
    by("mqtt_logins_total", "Logins by outcome, where identities are configured.", "outcome",
       {{"admitted", at.logins_admitted},
        {"bad_credentials", at.logins_bad_credentials},
        {"not_authorized", at.logins_not_authorized},
        {"over_limit", at.logins_over_limit}});
    by("mqtt_denied_total", "What an identity has no right to, and asked for.", "what",
       {{"publish", at.publishes_denied}, {"subscribe", at.subscriptions_denied}});
    by("mqtt_limited_total", "Connections refused or ended at a bound.", "why",
       {{"address_connections", at.connections_over_address},
        {"address_attempts", at.connections_too_often},
        {"half_open", at.half_open_dropped},
        {"memory", at.ended_for_memory}});
    out.one("mqtt_reads_paused_total", "counter",
            "Times a connection was not read for a while, because it sent more than it may.",
            at.reads_paused);
    out.one("mqtt_identity_changes_total", "counter",
            "Connections ended because their identity was changed or removed.", at.ended_by_change);
    out.one("mqtt_log_lines_left_out_total", "counter",
            "Log lines about peers that were counted "
            "and not written.",
            at.log_lines_left_out);
    out.one("mqtt_half_open", "gauge", "Connections that have not signed in.", at.half_open);
    out.one("mqtt_logins_waiting", "gauge", "Logins whose password waits to be checked.",
            at.logins_waiting);
    out.one("mqtt_identities", "gauge", "Identities that may sign in.", at.identities);
}

void render_journal(page& out, const journal_snapshot& at) {
    out.one("journal_used_bytes", "gauge", "Bytes of the journal in use.", at.bytes_used);
    out.one("journal_max_bytes", "gauge", "The journal's quota.", at.bytes_max);
    out.one("journal_events", "gauge", "Events stored.", at.events_stored);
    out.one("journal_groups_total", "counter", "Groups committed since the start.",
            at.groups_committed);
    if (at.last_commit_age_s)
        out.one("journal_last_commit_age_seconds", "gauge", "Time since the last commit.",
                *at.last_commit_age_s);
    out.one("journal_oldest_request_seconds", "gauge",
            "How long the oldest request has waited for its commit.", at.oldest_request_s);
    out.one("journal_full", "gauge", "1 while acknowledgements are withheld for want of space.",
            flag(at.full));
    out.one("journal_buffer_left_seconds", "gauge",
            "Time until the journal is full at the present rate.", at.hours_left * 3600);
    out.one("identity_entries", "gauge", "Events in the identity window.", at.identities);
    out.one("identity_evicted_early_total", "counter",
            "Events that left the identity window by its count, before their time.",
            at.identities_evicted_early);
    out.one("journal_ring_records_total", "counter", "Groups made durable in the write-ahead ring.",
            at.ring_records);
    out.one("journal_ring_bytes_total", "counter", "Bytes written to the write-ahead ring.",
            at.ring_bytes);
    out.one("journal_direct_commits_total", "counter",
            "Groups committed past the ring: large ones, and where space is short.",
            at.direct_commits);
    out.one("journal_checkpoints_total", "counter", "Times the ring was brought into the database.",
            at.checkpoints);
    out.one("journal_checkpoint_bytes_total", "counter",
            "Keys and values that checkpoints brought into the database.", at.checkpoint_bytes);
    out.one("journal_checkpoints_refused_total", "counter",
            "Checkpoints put off for want of space.", at.checkpoints_refused);
    if (at.device_bytes_written) {
        out.one("journal_device_bytes_total", "counter",
                "Bytes that this process had written to block devices, nearly all for the journal.",
                *at.device_bytes_written);
        out.one("journal_device_bytes_per_day", "gauge",
                "The same at the present rate: what wears the flash.", at.device_bytes_per_day);
    }
    out.histogram("journal_commit_seconds", "From the start of a group's commit to its end.",
                  at.commit_latency);
}

void render_destination_books(page& out, const std::vector<destination_snapshot>& all) {
    out.family("events_by_outcome", "gauge",
               "Where accepted events stand at a destination; the sum is the accepted events.");
    for (const auto& each : all) {
        const auto& books = each.books;
        auto row = [&](std::string_view outcome, std::uint64_t count) {
            out.sample({{"destination", books.name}, {"outcome", outcome}}, count);
        };
        row("filtered", books.filtered);
        row("pending", books.pending);
        row("superseded", books.superseded);
        row("applied", books.applied);
        row("handed_over", books.handed_over);
        row("dead", books.dead);
        row("discarded", books.discarded);
        row("shed", books.shed);
    }
}

void render_lanes(page& out, const std::vector<destination_snapshot>& all) {
    out.family("lane_pending", "gauge", "Updates that wait in a lane.");
    for (const auto& each : all)
        for (std::size_t i = 0; i < k_lane_count; ++i)
            out.sample({{"destination", each.books.name}, {"lane", k_lane_names[i]}},
                       each.lanes[i].pending);
    out.family("lane_oldest_waiting_seconds", "gauge", "Age of the oldest update that waits.");
    for (const auto& each : all)
        for (std::size_t i = 0; i < k_lane_count; ++i)
            out.sample({{"destination", each.books.name}, {"lane", k_lane_names[i]}},
                       each.lanes[i].oldest_waiting_s);
}

void render_destinations(page& out, const std::vector<destination_snapshot>& all) {
    auto each_of = [&](std::string_view name, std::string_view type, std::string_view help,
                       auto value) {
        out.family(name, type, help);
        for (const auto& each : all)
            out.sample({{"destination", each.books.name}}, value(each));
    };
    using at = const destination_snapshot&;
    out.family("destination_circuit", "gauge", "1 for the state that the circuit is in.");
    for (const auto& each : all)
        for (auto state : {circuit::closed, circuit::half_open, circuit::open, circuit::stopped})
            out.sample({{"destination", each.books.name}, {"state", to_string(state)}},
                       flag(each.state == state));
    each_of("destination_requests_total", "counter", "Requests sent.",
            [](at d) { return d.requests; });
    each_of("destination_retries_total", "counter", "Requests that repeated an earlier one.",
            [](at d) { return d.retries; });
    each_of("destination_batches_in_flight", "gauge", "Batches whose outcome is not known yet.",
            [](at d) { return d.batches_in_flight; });
    each_of("destination_waiting_behind_dead", "gauge",
            "Updates held back by a dead letter of the same key.",
            [](at d) { return d.waiting_behind_dead; });
    out.family("destination_last_success_age_seconds", "gauge", "Time since the last success.");
    for (const auto& each : all)
        if (each.last_success_age_s)
            out.sample({{"destination", each.books.name}}, *each.last_success_age_s);
}

void render_bridges(page& out, const std::vector<bridge_snapshot>& all) {
    if (all.empty()) return;
    auto each_of = [&](std::string_view name, std::string_view type, std::string_view help,
                       auto value) {
        out.family(name, type, help);
        for (const auto& each : all)
            out.sample({{"bridge", each.bridge}, {"broker", each.broker}}, value(each));
    };
    using at = const bridge_snapshot&;
    each_of("bridge_attached", "gauge", "1 while the bridge is connected to this gateway.",
            [](at b) { return flag(b.attached); });
    each_of("bridge_connected", "gauge", "1 while its broker is connected to it.",
            [](at b) { return flag(b.connected); });
    each_of("bridge_messages_total", "counter", "Messages taken through it.",
            [](at b) { return b.messages; });
    out.family("bridge_events_total", "counter", "What became of their events.");
    for (const auto& each : all) {
        auto row = [&](std::string_view outcome, std::uint64_t count) {
            out.sample({{"bridge", each.bridge}, {"broker", each.broker}, {"outcome", outcome}},
                       count);
        };
        row("accepted", each.accepted);
        row("duplicate", each.duplicate);
        row("quarantined", each.quarantined);
    }
    each_of("bridge_unanswered", "gauge", "Messages that wait for their commit.",
            [](at b) { return b.unanswered; });
    each_of("bridge_attachments_total", "counter", "Times it connected to this gateway.",
            [](at b) { return b.attachments; });
    each_of("bridge_broker_connections_total", "counter",
            "Times it connected to its broker, since its process began.",
            [](at b) { return b.connections; });
    each_of("bridge_redelivered_total", "counter",
            "Messages that the broker repeated (DUP), since its process began.",
            [](at b) { return b.redelivered; });
}

} // namespace

std::string render_metrics(const gateway_snapshot& now) {
    page out;
    render_gateway(out, now);
    render_intake(out, now);
    render_listener(out, now.listener);
    render_access(out, now.listener.access);
    render_journal(out, now.journal);
    render_destination_books(out, now.destinations);
    render_lanes(out, now.destinations);
    render_destinations(out, now.destinations);
    render_bridges(out, now.bridges);
    render_sight(out, now);
    return std::move(out).take();
}

} // namespace wharf::observe
