// The JSON that `wharfctl status` reads.
#include "gateway/base/bytes.hpp"
#include "gateway/base/time.hpp"
#include "gateway/observe/health.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cmath>

namespace wharf::observe {

namespace {

using json = nlohmann::ordered_json;

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

json target_status(const lane_snapshot& at) {
    if (!at.aim) return nullptr;
    constexpr std::array<std::string_view, 3> levels = {"kept", "burning", "burning_fast"};
    json burn_rates = json::object();
    constexpr std::array<const char*, k_window_count> windows = {"5m", "30m", "1h", "6h"};
    for (std::size_t i = 0; i < k_window_count; ++i)
        burn_rates[windows[i]] = number(at.target.windows[i].burn_rate);
    return {{"within_s", static_cast<double>(at.aim->within_us) / 1e6},
            {"objective", at.aim->objective},
            {"state", levels[static_cast<std::size_t>(at.target.level)]},
            {"due", at.target.due},
            {"late", at.target.late},
            {"burn_rates", std::move(burn_rates)}};
}

json destination_status(const destination_snapshot& at) {
    json lanes = json::object();
    for (std::size_t i = 0; i < k_lane_count; ++i)
        lanes[std::string(k_lane_names[i])] = {
            {"pending", at.lanes[i].pending},
            {"oldest_waiting_s", number(at.lanes[i].oldest_waiting_s)},
            {"target", target_status(at.lanes[i])}};
    json paused = json::array();
    for (std::size_t i = 0; i < k_lane_count; ++i)
        if (at.paused_lanes[i]) paused.push_back(k_lane_names[i]);
    json limit = nullptr;
    if (at.requests_per_s_max > 0)
        limit = {{"requests_per_s", at.requests_per_s_max}, {"for_s", number(at.limited_for_s)}};
    return {{"name", at.books.name},
            {"circuit", to_string(at.state)},
            {"paused", at.paused},
            {"paused_lanes", std::move(paused)},
            {"rate_limit", std::move(limit)},
            {"pending", at.books.pending},
            {"applied", at.books.applied},
            {"dead", at.books.dead},
            {"waiting_behind_dead", at.waiting_behind_dead},
            {"batches_in_flight", at.batches_in_flight},
            {"requests", at.requests},
            {"retries", at.retries},
            {"last_error", at.last_error},
            {"last_success_age_s", number(at.last_success_age_s)},
            {"certificate_left_s", number(at.certificate_left_s)},
            {"lanes", std::move(lanes)}};
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

std::string epoch_text(std::uint32_t epoch) {
    std::string bytes;
    put_big(bytes, epoch);
    return to_hex(bytes);
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
                {"messages_by_qos", at.messages_by_qos},
                {"certificate_left_s", number(at.certificate_left_s)}};
    if (at.tls)
        out["tls_handshakes"] = {{"full", at.tls->full},
                                 {"resumed", at.tls->resumed},
                                 {"failed", at.tls->failed},
                                 {"timed_out", at.tls->timed_out},
                                 {"shed", at.tls->shed}};
    return out;
}

json alarms_status(const alarms_snapshot& at) {
    json out = json::array();
    for (const auto& each : at.standing)
        out.push_back({{"code", to_string(each.code)},
                       {"subject", each.subject},
                       {"severity", to_string(each.level)},
                       {"text", each.text},
                       {"since", to_rfc3339(timestamp_from_us(each.since.wall_us))},
                       {"count", each.count}});
    return out;
}

json silence_status(const silence_snapshot& at) {
    json profiles = json::array();
    for (const auto& each : at.profiles)
        profiles.push_back(
            {{"profile", each.name}, {"watched", each.watched}, {"silent", each.silent}});
    json silent = json::array();
    for (const auto& each : at.devices)
        silent.push_back({{"device", each.name},
                          {"profile", each.profile},
                          {"silent_s", number(each.silent_s)},
                          {"never_heard", each.never_heard}});
    return {{"profiles", std::move(profiles)},
            {"silent", std::move(silent)},
            {"unwatched", at.unwatched}};
}

json machine_status(const machine_snapshot& at) {
    json out = json::object();
    for (const auto& each : at.temperatures)
        out["temperatures"].push_back(
            {{"zone", each.name}, {"type", each.type}, {"celsius", number(each.celsius)}});
    for (const auto& each : at.flash) {
        json one = {{"device", each.name}};
        if (each.worn_percent) one["worn_percent"] = *each.worn_percent;
        if (each.pre_end) one["pre_end"] = *each.pre_end;
        out["flash"].push_back(std::move(one));
    }
    if (at.disk)
        out["disk"] = {{"total_bytes", at.disk->total_bytes}, {"free_bytes", at.disk->free_bytes}};
    if (at.clock)
        out["clock"] = {{"offset_s", number(at.clock->offset_s)},
                        {"error_max_s", number(at.clock->error_max_s)}};
    return out;
}

json drain_status(const std::optional<drain_snapshot>& of) {
    if (!of) return nullptr;
    return {{"at_us", of->at_us},
            {"by", of->by},
            {"reason", of->reason},
            {"doors_shut", of->doors_shut},
            {"pending", of->pending}};
}

} // namespace

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
                   {"epoch", epoch_text(now.epoch)},
                   {"takeover", now.takeover},
                   {"fenced", now.fenced},
                   {"ended", now.ended},
                   {"drain", drain_status(now.drained)},
                   {"work", now.work},
                   {"quarantine", now.quarantine_open},
                   {"duplicates_by_rule", std::move(duplicates)},
                   {"listener", listener_status(now.listener)},
                   {"journal", journal_status(now.journal)},
                   {"bridges", std::move(bridges)},
                   {"destinations", std::move(destinations)},
                   {"alarms", alarms_status(now.alarms)},
                   {"devices", silence_status(now.silence)},
                   {"machine", machine_status(now.machine)}});
}

} // namespace wharf::observe
