#include "firmware/wharfd/status.hpp"

#include "gateway/platform/log/log.hpp"
#include "gateway/platform/system_limits.hpp"

namespace wharf {

namespace {

observe::circuit to_circuit(const destination_snapshot& of) {
    if (!of.stopped.empty()) return observe::circuit::stopped;
    switch (of.circuit) {
    case circuit_state::closed:
        return observe::circuit::closed;
    case circuit_state::open:
        return observe::circuit::open;
    case circuit_state::half_open:
        return observe::circuit::half_open;
    }
    WHARF_ASSERT(false);
}

} // namespace

std::vector<observe::destination_snapshot>
observed(const std::vector<destination_snapshot>& destinations, std::int64_t journal_time_us,
         clock_port& clock) {
    std::vector<observe::destination_snapshot> out;
    for (const destination_snapshot& one : destinations) {
        observe::destination_snapshot& to = out.emplace_back();
        to.books.name = one.name;
        for (std::size_t i = 0; i < k_lane_count; ++i) {
            to.lanes[i].pending = one.pending_in_window[i];
            if (one.oldest_pending_us[i] != 0)
                to.lanes[i].oldest_waiting_s = static_cast<double>(std::max<std::int64_t>(
                                                   0, journal_time_us - one.oldest_pending_us[i])) /
                                               1e6;
        }
        to.state = to_circuit(one);
        to.paused = one.paused;
        to.paused_lanes = one.paused_lanes;
        if (const auto left_us = one.limited_until_us - clock.monotonic_us(); left_us > 0) {
            to.requests_per_s_max = one.requests_per_s_max;
            to.limited_for_s = static_cast<double>(left_us) / 1e6;
        }
        to.batches_in_flight = one.requests_in_flight;
        to.requests = one.requests;
        to.retries = one.retries;
        if (one.last_applied_us)
            to.last_success_age_s =
                static_cast<double>(clock.monotonic_us() - *one.last_applied_us) / 1e6;
        to.certificate_left_s = seconds_left(one.certificate_to_s, clock);
        to.last_error = one.stopped.empty() ? one.last_error : one.stopped;
    }
    return out;
}

std::optional<double> seconds_left(std::int64_t to_s, clock_port& clock) {
    if (to_s == std::numeric_limits<std::int64_t>::max()) return std::nullopt;
    return static_cast<double>(to_s) - static_cast<double>(clock.wall_us()) / 1e6;
}

observe::tls_snapshot observed(const tls::reception_counters& of) {
    return {of.full, of.resumed, of.failed, of.timed_out, of.shed};
}

namespace {

observe::bridge_snapshot observed(const bridge_status& of, std::int64_t now_us,
                                  std::int64_t wall_us) {
    observe::bridge_snapshot out;
    const auto slash = of.name.find('/');
    out.bridge = of.name.substr(0, slash);
    out.broker = of.name.substr(slash + 1);
    out.attached = of.attached;
    if (of.changed_us != 0) out.since_s = static_cast<double>(now_us - of.changed_us) / 1e6;
    out.messages = of.messages;
    out.accepted = of.accepted;
    out.duplicate = of.duplicate;
    out.quarantined = of.quarantined;
    out.unanswered = of.unanswered;
    out.attachments = of.attachments;
    if (!of.health) return out;
    const wharf::v1::BridgeHealth& said = *of.health;
    out.connected = of.attached && said.connected();
    // The same machine's clock: it may have jumped, so never below nothing.
    if (of.attached && said.since_us() != 0)
        out.since_s =
            static_cast<double>(std::max<std::int64_t>(0, wall_us - said.since_us())) / 1e6;
    out.last_error = said.last_error();
    out.redelivered = said.redelivered();
    out.retained = said.retained();
    out.too_large = said.too_large();
    out.connections = said.connections();
    return out;
}

} // namespace

status_board::status_board(std::string gateway, std::string site, clock_port& clock)
    : gateway_(std::move(gateway)), site_(std::move(site)), clock_(clock),
      started_us_(clock.monotonic_us()) {}

void status_board::sample(const journal_snapshot& journal) {
    fill_.sample(clock_.monotonic_us(), journal.usage.bytes_used);
    if (auto written = device_bytes_written()) wear_.sample(clock_.monotonic_us(), *written);
}

observe::gateway_snapshot
status_board::look(const journal_snapshot& journal, const listener_counters& listener,
                   const measures& measured,
                   std::vector<observe::destination_snapshot> destinations,
                   const std::vector<bridge_status>& bridges) const {
    observe::gateway_snapshot out;
    std::int64_t now_us = clock_.monotonic_us();
    out.gateway = gateway_;
    out.site = site_;
    out.version = WHARF_VERSION;
    out.uptime_s = static_cast<double>(now_us - started_us_) / 1e6;
    out.clock_synchronised = clock_.wall_synchronised();
    out.stopping = stopping_;
    out.fenced = journal.state.fence().words();
    if (journal.state.has_end()) out.ended = end_words(journal.state.end());
    if (journal.state.has_drain()) {
        auto& drain = out.drained.emplace();
        drain.at_us = journal.state.drain().at_us();
        drain.by = journal.state.drain().by();
        drain.reason = journal.state.drain().reason();
        for (const auto& one : journal.state.destinations())
            drain.pending += one.pending();
    }
    observe::books books = observe::books_of(journal.state);
    out.intake = books.intake;
    out.quarantine_open =
        journal.state.next_quarantine() - 1 - journal.state.quarantine_discarded();
    auto lines = log::lines_by_level();
    for (std::size_t i = 0; i < lines.size(); ++i)
        out.log_lines_by_level.emplace_back(log::k_level_names[i], lines[i]);

    out.journal.bytes_used = journal.usage.bytes_used;
    out.journal.bytes_max = journal.usage.bytes_max;
    out.journal.events_stored = journal.state.last_sequence() + 1 - journal.state.oldest_sequence();
    out.journal.groups_committed = measured.groups;
    if (measured.last_commit_us != 0)
        out.journal.last_commit_age_s = static_cast<double>(now_us - measured.last_commit_us) / 1e6;
    out.journal.full = journal.full;
    out.journal.oldest_request_s = static_cast<double>(journal.group_age_us) / 1e6;
    std::uint64_t quota = journal.usage.bytes_max * limits::k_journal_full_percent / 100;
    out.journal.hours_left =
        observe::hours_left(quota - std::min(quota, journal.usage.bytes_used), fill_.per_s());
    out.journal.identities = journal.state.next_identity() - journal.state.oldest_identity();
    out.journal.identities_evicted_early = journal.state.identities_evicted_early();
    out.journal.commit_latency = measured.commit_latency.snapshot();
    out.journal.ring_records = journal.traffic.ring_records;
    out.journal.ring_bytes = journal.traffic.ring_bytes;
    out.journal.checkpoints = journal.traffic.checkpoints;
    out.journal.checkpoint_bytes = journal.traffic.checkpoint_bytes;
    out.journal.checkpoints_refused = journal.traffic.checkpoints_refused;
    out.journal.direct_commits = journal.traffic.direct_commits;
    out.journal.device_bytes_written = device_bytes_written();
    out.journal.device_bytes_per_day = wear_.per_s() * 24 * 3600;

    out.listener.listening = listening_;
    out.listener.connections = listener.connections_open;
    out.listener.sessions = journal.sessions;
    out.listener.connections_refused = listener.connections_refused;
    out.listener.closed_by_gateway = listener.closed_by_us;
    out.listener.messages_by_qos = {listener.messages_qos0, listener.messages_qos1,
                                    listener.messages_qos2};
    out.listener.ack_latency = measured.ack_latency.snapshot();
    out.listener.broker = {listener.subscriptions,
                           listener.retained,
                           listener.queued_bytes,
                           listener.delivered,
                           listener.dropped_queue,
                           listener.dropped_slow,
                           listener.dropped_expired,
                           listener.dropped_too_large,
                           listener.dropped_not_allowed,
                           listener.retained_refused,
                           listener.wills,
                           listener.receipts};

    // Destinations that are no longer configured keep their books.
    for (const observe::destination_books& kept : books.destinations) {
        auto configured = std::find_if(destinations.begin(), destinations.end(),
                                       [&](auto& one) { return one.books.name == kept.name; });
        if (configured != destinations.end())
            configured->books = kept;
        else
            destinations.emplace_back().books = kept;
    }
    out.destinations = std::move(destinations);
    for (const bridge_status& one : bridges)
        out.bridges.push_back(observed(one, now_us, clock_.wall_us()));
    return out;
}

} // namespace wharf
