#include "firmware/ctl/gate.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace wharf::ctl {

namespace {

using json = nlohmann::json;

// Updates that wait longer than this part of the gate, within bounds, stand still.
constexpr double k_still_part = 1.0 / 3;
constexpr double k_still_s_min = 3;
constexpr double k_still_s_max = 60;
// The gate is closed early on a gateway that is worse for this part of it.
constexpr double k_sure_part = 0.5;

std::string text_of(const json& from, const char* key) {
    const auto found = from.find(key);
    return found != from.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t number_of(const json& from, const char* key) {
    const auto found = from.find(key);
    return found != from.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

destination_facts destination_of(const json& from) {
    destination_facts out;
    out.circuit = text_of(from, "circuit");
    out.paused = from.contains("paused") && from["paused"] == true;
    const auto pending = number_of(from, "pending");
    out.waiting = pending - std::min(pending, number_of(from, "waiting_behind_dead"));
    out.applied = number_of(from, "applied");
    out.dead = number_of(from, "dead");
    out.last_error = text_of(from, "last_error");
    if (from.contains("lanes") && from["lanes"].is_object())
        for (const auto& lane : from["lanes"])
            if (lane.is_object() && lane.contains("oldest_waiting_s") &&
                lane["oldest_waiting_s"].is_number())
                out.oldest_waiting_s =
                    std::max(out.oldest_waiting_s, lane["oldest_waiting_s"].get<double>());
    return out;
}

// The less the better; one that is not known is as bad as can be.
int rank(const std::string& health) {
    return health == "ok" ? 0 : health == "degraded" ? 1 : 2;
}

bool is_away(const destination_facts& at) {
    return at.circuit == "open" || at.circuit == "half_open";
}

std::string plural(std::uint64_t count, const char* what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string because(const destination_facts& at) {
    return at.last_error.empty() ? std::string() : ": " + at.last_error;
}

bool stands_still(const destination_facts& begun, const destination_facts& now, double gate_s) {
    const double long_s = std::clamp(gate_s * k_still_part, k_still_s_min, k_still_s_max);
    return now.waiting > 0 && now.applied == begun.applied && now.oldest_waiting_s >= long_s;
}

void judge_destination(const std::string& name, const destination_facts* before,
                       const destination_facts* begun, const destination_facts& now, double gate_s,
                       std::vector<std::string>& out) {
    const std::string who = "destination " + name;
    const destination_facts none;
    const destination_facts& was = before != nullptr ? *before : none;
    const destination_facts& first = begun != nullptr ? *begun : now;
    if (now.circuit == "stopped" && was.circuit != "stopped")
        return out.push_back(who + " has stopped" + because(now));
    if (is_away(now) && !is_away(was) && was.circuit != "stopped")
        return out.push_back(who + " does not answer" + because(now));
    if (now.paused) return;
    // One that stood still before is not held against the overlay.
    const bool still_before = was.circuit == "stopped" || is_away(was) ||
                              (was.waiting > 0 && stands_still(was, was, gate_s));
    if (!still_before && stands_still(first, now, gate_s))
        return out.push_back(who + ": " + plural(now.waiting, "update") +
                             (now.waiting == 1 ? " waits" : " wait") +
                             " and none was applied since it is on trial" + because(now));
    if (now.dead > std::max(was.dead, first.dead) && now.applied == first.applied)
        out.push_back(who + ": " + plural(now.dead - std::max(was.dead, first.dead), "update") +
                      " became dead letters and none was applied since it is on trial" +
                      because(now));
}

template <class Map> const typename Map::mapped_type* find(const Map& in, const std::string& key) {
    const auto found = in.find(key);
    return found == in.end() ? nullptr : &found->second;
}

} // namespace

gateway_facts facts_of(const wharf::v1::GatewayState& state, const std::string& complaint) {
    gateway_facts out;
    out.complaint = complaint;
    out.there = complaint.empty() && state.health() != "gone";
    out.health = state.health();
    out.reasons.assign(state.reasons().begin(), state.reasons().end());
    out.version = state.configuration_version();
    out.on_trial = state.configuration_confirm_by_us() != 0;
    out.problem = state.configuration_problem();
    const auto status = json::parse(state.status_json(), nullptr, false);
    if (!status.is_object()) return out;
    if (status.contains("destinations") && status["destinations"].is_array())
        for (const auto& one : status["destinations"])
            if (one.is_object()) out.destinations[text_of(one, "name")] = destination_of(one);
    if (status.contains("alarms") && status["alarms"].is_array())
        for (const auto& one : status["alarms"])
            if (one.is_object() && text_of(one, "severity") == "critical")
                out.critical[text_of(one, "code") + " " + text_of(one, "subject")] =
                    text_of(one, "text");
    return out;
}

std::vector<std::string> judge(const gateway_facts& before, const gateway_facts& begun,
                               const gateway_facts& now, double gate_s) {
    if (!now.complaint.empty()) return {"it is not believed: " + now.complaint};
    if (!now.there) return {"it has gone away"};
    std::vector<std::string> out;
    for (const auto& [name, at] : now.destinations)
        judge_destination(name, find(before.destinations, name), find(begun.destinations, name), at,
                          gate_s, out);
    // A destination that the overlay takes away takes what waits for it along.
    for (const auto& [name, was] : before.destinations)
        if (was.waiting > 0 && !now.destinations.contains(name))
            out.push_back("destination " + name + " is not there any more, and " +
                          plural(was.waiting, "update") + " waited for it");
    for (const auto& [which, text] : now.critical)
        if (!before.critical.contains(which)) out.push_back("new critical alarm: " + text);
    if (rank(now.health) > rank(before.health)) {
        std::string words = "it was " + before.health + " and is " + now.health;
        for (const std::string& reason : now.reasons)
            if (std::ranges::find(before.reasons, reason) == before.reasons.end()) {
                words += ": " + reason;
                break;
            }
        out.push_back(std::move(words));
    }
    return out;
}

std::vector<std::string> unwell(const gateway_facts& now) {
    gateway_facts with_warnings;
    with_warnings.health = "degraded";
    return judge(with_warnings, now, now, k_still_s_max / k_still_part);
}

void wave_watch::expect(const std::string& gateway, gateway_facts before, std::uint64_t version) {
    member& one = members_[gateway];
    one.before = std::move(before);
    one.version = version;
    ++unseen_;
}

void wave_watch::fail(const std::string& gateway, std::string why) {
    auto& words = failures_[gateway];
    const bool first = words.empty();
    words.push_back(std::move(why));
    const auto found = members_.find(gateway);
    if (!first || found == members_.end()) return;
    if (!found->second.seen)
        --unseen_;
    else if (gate_begun_ && !found->second.heard)
        --unheard_;
}

void wave_watch::on_state(const std::string& gateway, gateway_facts now, double at_s) {
    const auto found = members_.find(gateway);
    if (found == members_.end() || has_failed(gateway)) return;
    member& one = found->second;
    const bool has_it = now.there && now.on_trial && now.version == one.version;
    if (!one.seen) {
        if (!has_it) {
            if (now.there && !now.problem.empty() && now.problem != one.before.problem)
                fail(gateway, now.problem);
            return;
        }
        one.seen = true;
        one.begun = now;
        --unseen_;
    } else if (now.there && !has_it) {
        return fail(gateway, "it does not run with it any more" +
                                 (now.problem.empty() ? "" : ": " + now.problem));
    }
    one.findings = judge(one.before, one.begun, now, gate_s_);
    if (one.findings.empty())
        one.worse_since_s.reset();
    else if (!one.worse_since_s)
        one.worse_since_s = at_s;
    if (gate_begun_ && !one.heard && at_s >= until_s_) {
        one.heard = true;
        --unheard_;
    }
}

void wave_watch::begin_gate(double at_s) {
    for (const auto& [gateway, one] : members_)
        if (!one.seen && !has_failed(gateway))
            fail(gateway, "it was not seen again with it on trial");
    gate_begun_ = true;
    until_s_ = at_s + gate_s_;
    unheard_ = 0;
    for (const auto& [gateway, one] : members_)
        if (!has_failed(gateway)) ++unheard_;
}

std::size_t wave_watch::seen_count() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(members_, [](const auto& each) { return each.second.seen; }));
}

std::size_t wave_watch::failing(double at_s) const {
    std::size_t out = failures_.size();
    for (const auto& [gateway, one] : members_)
        if (one.worse_since_s && !has_failed(gateway) &&
            at_s - *one.worse_since_s >= gate_s_ * k_sure_part)
            ++out;
    return out;
}

void wave_watch::end_gate(bool whole) {
    for (const auto& [gateway, one] : members_) {
        if (has_failed(gateway)) continue;
        if (whole && !one.heard) fail(gateway, "it was not heard of any more");
        for (const std::string& finding : one.findings)
            fail(gateway, finding);
    }
}

std::uint64_t wave_watch::version_of(const std::string& gateway) const {
    const auto found = members_.find(gateway);
    return found == members_.end() ? 0 : found->second.version;
}

} // namespace wharf::ctl
