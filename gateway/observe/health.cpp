#include "gateway/observe/health.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cmath>

namespace wharf::observe {

namespace {

using json = nlohmann::ordered_json;

constexpr double k_commit_stuck_s = 10.0;
constexpr double k_hours_left_low = 24.0;
constexpr double k_waiting_long_s = 3600.0;

std::string plural(std::uint64_t count, std::string_view what) {
    return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

std::string duration(double seconds) {
    if (seconds < 120) return plural(static_cast<std::uint64_t>(seconds), "second");
    if (seconds < 7200) return plural(static_cast<std::uint64_t>(seconds / 60), "minute");
    return plural(static_cast<std::uint64_t>(seconds / 3600), "hour");
}

// JSON has no infinity.
json number(double value) {
    return std::isfinite(value) ? json(value) : json(nullptr);
}
json number(const std::optional<double>& value) {
    return value ? number(*value) : json(nullptr);
}

std::string dumped(const json& from) {
    return from.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

void judge_destination(const destination_snapshot& at, std::vector<std::string>& reasons) {
    const auto& name = at.books.name;
    auto because = at.last_error.empty() ? std::string{} : ": " + at.last_error;
    if (at.state == circuit::stopped)
        reasons.push_back("destination " + name +
                          " has stopped and needs a person (wharfctl resume " + name + ")" +
                          because);
    if (at.state == circuit::open)
        reasons.push_back("destination " + name + " does not answer" + because);
    if (at.books.dead > 0)
        reasons.push_back("destination " + name + " has " + plural(at.books.dead, "dead letter") +
                          " (wharfctl dead list)");
    for (std::size_t i = 0; i < k_lane_count; ++i)
        if (at.lanes[i].oldest_waiting_s > k_waiting_long_s)
            reasons.push_back("destination " + name + ": the oldest update of lane " +
                              std::string(k_lane_names[i]) + " has been waiting for " +
                              duration(at.lanes[i].oldest_waiting_s));
}

json destination_status(const destination_snapshot& at) {
    json lanes = json::object();
    for (std::size_t i = 0; i < k_lane_count; ++i)
        lanes[std::string(k_lane_names[i])] = {
            {"pending", at.lanes[i].pending},
            {"oldest_waiting_s", number(at.lanes[i].oldest_waiting_s)}};
    return {{"name", at.books.name},
            {"circuit", to_string(at.state)},
            {"pending", at.books.pending},
            {"applied", at.books.applied},
            {"dead", at.books.dead},
            {"waiting_behind_dead", at.waiting_behind_dead},
            {"batches_in_flight", at.batches_in_flight},
            {"requests", at.requests},
            {"retries", at.retries},
            {"last_error", at.last_error},
            {"last_success_age_s", number(at.last_success_age_s)},
            {"lanes", std::move(lanes)}};
}

void judge_bridge(const bridge_snapshot& at, std::vector<std::string>& reasons) {
    const auto name = "bridge " + at.bridge + "/" + at.broker;
    if (!at.attached)
        reasons.push_back(name + (at.since_s ? " has been away for " + duration(*at.since_s)
                                             : " has not come (bridge.expected)"));
    else if (!at.connected)
        reasons.push_back(name + " is not connected to its broker" +
                          (at.last_error.empty() ? std::string{} : ": " + at.last_error));
}

json bridge_status(const bridge_snapshot& at) {
    return {{"bridge", at.bridge},           {"broker", at.broker},
            {"attached", at.attached},       {"connected", at.connected},
            {"since_s", number(at.since_s)}, {"last_error", at.last_error},
            {"messages", at.messages},       {"accepted", at.accepted},
            {"duplicate", at.duplicate},     {"quarantined", at.quarantined},
            {"unanswered", at.unanswered},   {"attachments", at.attachments},
            {"redelivered", at.redelivered}, {"retained", at.retained},
            {"too_large", at.too_large},     {"connections", at.connections}};
}

json journal_status(const journal_snapshot& at) {
    return {{"bytes_used", at.bytes_used},
            {"bytes_max", at.bytes_max},
            {"events_stored", at.events_stored},
            {"groups_committed", at.groups_committed},
            {"last_commit_age_s", number(at.last_commit_age_s)},
            {"full", at.full},
            {"hours_left", number(at.hours_left)},
            {"identities", at.identities},
            {"identities_evicted_early", at.identities_evicted_early}};
}

json listener_status(const listener_snapshot& at) {
    json out = {{"listening", at.listening},
                {"connections", at.connections},
                {"sessions", at.sessions},
                {"connections_refused", at.connections_refused},
                {"closed_by_gateway", at.closed_by_gateway},
                {"messages_by_qos", at.messages_by_qos}};
    if (at.tls)
        out["tls_handshakes"] = {{"full", at.tls->full},
                                 {"resumed", at.tls->resumed},
                                 {"failed", at.tls->failed},
                                 {"timed_out", at.tls->timed_out},
                                 {"shed", at.tls->shed}};
    return out;
}

} // namespace

std::string_view to_string(health_state state) noexcept {
    constexpr std::array<std::string_view, 3> names = {"ok", "degraded", "failing"};
    return names[static_cast<std::size_t>(state)];
}

std::string_view to_string(circuit state) noexcept {
    constexpr std::array<std::string_view, 4> names = {"closed", "half_open", "open", "stopped"};
    return names[static_cast<std::size_t>(state)];
}

books gateway_snapshot::books() const {
    observe::books out;
    out.intake = intake;
    for (const auto& each : destinations)
        out.destinations.push_back(each.books);
    return out;
}

health judge(const gateway_snapshot& now) {
    health out;
    auto& reasons = out.reasons;
    if (now.stopping) reasons.push_back("the gateway is shutting down");
    if (!now.listener.listening && !now.stopping)
        reasons.push_back("the listener takes no connections");
    if (now.journal.full)
        reasons.push_back("the journal is full: devices are not acknowledged until there is space");
    if (now.journal.oldest_request_s > k_commit_stuck_s)
        reasons.push_back("a commit has been under way for " +
                          duration(now.journal.oldest_request_s));
    if (!reasons.empty()) out.state = health_state::failing;

    if (!now.books().balance()) reasons.push_back("the books do not balance (wharfctl books)");
    if (!now.journal.full && now.journal.hours_left < k_hours_left_low)
        reasons.push_back("at the present rate the journal is full in " +
                          duration(now.journal.hours_left * 3600));
    for (const auto& each : now.destinations)
        judge_destination(each, reasons);
    for (const auto& each : now.listener.problems)
        reasons.push_back(each);
    for (const auto& each : now.bridges)
        judge_bridge(each, reasons);
    if (now.quarantine_open > 0)
        reasons.push_back(plural(now.quarantine_open, "message") +
                          " in quarantine (wharfctl quarantine list)");
    if (now.journal.identities_evicted_early > 0)
        reasons.push_back("the identity window is bounded by its count, not by its hours: raise "
                          "identity.entries_max");
    if (!now.clock_synchronised) reasons.push_back("the clock is not synchronised");
    if (out.state == health_state::ok && !reasons.empty()) out.state = health_state::degraded;
    return out;
}

std::string health_json(const health& of) {
    return dumped({{"status", to_string(of.state)}, {"reasons", of.reasons}});
}

std::string status_json(const gateway_snapshot& now) {
    auto health = judge(now);
    json destinations = json::array();
    for (const auto& each : now.destinations)
        destinations.push_back(destination_status(each));
    json duplicates = json::object();
    for (const auto& [rule, count] : now.duplicates_by_rule)
        duplicates[rule] = count;
    json bridges = json::array();
    for (const auto& each : now.bridges)
        bridges.push_back(bridge_status(each));
    return dumped({{"gateway", now.gateway},
                   {"site", now.site},
                   {"version", now.version},
                   {"status", to_string(health.state)},
                   {"reasons", health.reasons},
                   {"uptime_s", number(now.uptime_s)},
                   {"clock_synchronised", now.clock_synchronised},
                   {"quarantine", now.quarantine_open},
                   {"duplicates_by_rule", std::move(duplicates)},
                   {"listener", listener_status(now.listener)},
                   {"journal", journal_status(now.journal)},
                   {"bridges", std::move(bridges)},
                   {"destinations", std::move(destinations)}});
}

} // namespace wharf::observe
