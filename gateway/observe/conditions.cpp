#include "gateway/observe/conditions.hpp"

#include <algorithm>
#include <cmath>

namespace wharf::observe {

namespace {

constexpr double k_commit_stuck_s = 10.0;
constexpr double k_hours_left_low = 24.0;
constexpr double k_hours_left_very_low = 2.0;
constexpr double k_waiting_long_s = 3600.0;
constexpr double k_temperature_critical_c = limits::k_temperature_high_c + 10;
constexpr double k_disk_free_percent_very_low = 1;
constexpr std::uint32_t k_worn_out_percent = 100;
constexpr std::uint32_t k_spare_low = 2; // of the three states that a device tells

std::string plural(std::uint64_t count, std::string_view what) {
    return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

std::string duration(double seconds) {
    if (seconds < 120) return plural(static_cast<std::uint64_t>(seconds), "second");
    if (seconds < 7200) return plural(static_cast<std::uint64_t>(seconds / 60), "minute");
    return plural(static_cast<std::uint64_t>(seconds / 3600), "hour");
}

std::string percent(double value) {
    auto text = std::to_string(value);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text + " %";
}

std::string seconds(std::int64_t us) {
    auto text = percent(static_cast<double>(us) / 1e6);
    text.pop_back();
    return text + "s";
}

using list = std::vector<condition>;

void judge_target(const destination_snapshot& at, std::size_t lane, list& out) {
    const auto& one = at.lanes[lane];
    if (!one.aim || one.target.level == burn::none) return;
    const bool fast = one.target.level == burn::fast;
    const auto& window = one.target.windows[fast ? k_1h : k_6h];
    out.push_back({alarm_code::target_missed, at.books.name + "/" + std::string(k_lane_names[lane]),
                   fast ? severity::critical : severity::warning,
                   "destination " + at.books.name + ": " + std::to_string(window.late) + " of " +
                       plural(window.due, "update") + " of lane " +
                       std::string(k_lane_names[lane]) + " in " + (fast ? "an hour" : "6 hours") +
                       " were not there within " + seconds(one.aim->within_us) +
                       "; the target is " + percent(one.aim->objective * 100)});
}

void judge_certificate(const std::string& whose, const std::string& subject,
                       const std::optional<double>& left_s, list& out) {
    if (!left_s || *left_s > limits::k_tls_certificate_low_s) return;
    const bool over = *left_s <= 0;
    out.push_back(
        {alarm_code::certificate, subject, over ? severity::critical : severity::warning,
         "the TLS certificate " + whose + (over ? " has ended" : " ends in " + duration(*left_s))});
}

// over: it delivers nothing any more, for good, and what says so is said once.
void judge_destination(const destination_snapshot& at, bool over, list& out) {
    const auto& name = at.books.name;
    auto because = at.last_error.empty() ? std::string{} : ": " + at.last_error;
    if (at.state == circuit::stopped && !over)
        out.push_back({alarm_code::destination_stopped, name, severity::critical,
                       "destination " + name + " has stopped and needs a person (wharfctl resume " +
                           name + ")" + because});
    // One attempt that is under way to see whether it is back has not come back yet.
    if (at.state == circuit::open || at.state == circuit::half_open)
        out.push_back({alarm_code::destination_away, name, severity::warning,
                       "destination " + name + " does not answer" + because});
    if (at.books.dead > 0)
        out.push_back({alarm_code::dead_letters, name, severity::warning,
                       "destination " + name + " has " + plural(at.books.dead, "dead letter") +
                           " (wharfctl dead list)"});
    for (std::size_t i = 0; i < k_lane_count && !over; ++i) {
        if (at.lanes[i].oldest_waiting_s > k_waiting_long_s)
            out.push_back({alarm_code::lane_waiting, name + "/" + std::string(k_lane_names[i]),
                           severity::warning,
                           "destination " + name + ": the oldest update of lane " +
                               std::string(k_lane_names[i]) + " has been waiting for " +
                               duration(at.lanes[i].oldest_waiting_s)});
        judge_target(at, i, out);
    }
    judge_certificate("shown to destination " + name, "destination/" + name, at.certificate_left_s,
                      out);
}

void judge_bridge(const bridge_snapshot& at, list& out) {
    const auto name = at.bridge + "/" + at.broker;
    auto say = [&](std::string text) {
        out.push_back({alarm_code::bridge_away, name, severity::warning, "bridge " + name + text});
    };
    if (!at.attached)
        say(at.since_s ? " has been away for " + duration(*at.since_s)
                       : " has not come (bridge.expected)");
    else if (!at.connected)
        say(" is not connected to its broker" +
            (at.last_error.empty() ? std::string{} : ": " + at.last_error));
}

void judge_listener(const listener_snapshot& at, list& out) {
    const bool over = at.certificate_left_s && *at.certificate_left_s <= 0;
    for (std::size_t i = 0; i < at.problems.size(); ++i)
        out.push_back({alarm_code::certificate,
                       i == 0 ? "listener" : "listener/" + std::to_string(i + 1),
                       over ? severity::critical : severity::warning, at.problems[i]});
}

void judge_flash(const flash_device& at, list& out) {
    const bool worn = at.worn_percent && *at.worn_percent >= limits::k_flash_worn_percent;
    const bool spare = at.pre_end && *at.pre_end >= k_spare_low;
    if (!worn && !spare) return;
    const bool badly = (at.worn_percent && *at.worn_percent > k_worn_out_percent) ||
                       (at.pre_end && *at.pre_end > k_spare_low);
    auto text = "the flash " + at.name + " is wearing out:";
    if (at.worn_percent)
        text += *at.worn_percent > k_worn_out_percent
                    ? " it is past the end of its life"
                    : " up to " + std::to_string(*at.worn_percent) + " % of its life is used";
    if (spare) text += std::string(worn ? ", and" : "") + " its spare blocks run out";
    out.push_back(
        {alarm_code::flash_worn, at.name, badly ? severity::critical : severity::warning, text});
}

void judge_machine(const machine_snapshot& at, list& out) {
    if (at.disk && at.disk->total_bytes > 0) {
        const auto free = 100 * static_cast<double>(at.disk->free_bytes) /
                          static_cast<double>(at.disk->total_bytes);
        if (free < limits::k_disk_free_percent_low)
            out.push_back(
                {alarm_code::disk_low, "",
                 free < k_disk_free_percent_very_low ? severity::critical : severity::warning,
                 "the journal's file system has " + std::to_string(at.disk->free_bytes >> 20) +
                     " MiB" + " left"});
    }
    for (const auto& each : at.flash)
        judge_flash(each, out);
    for (const auto& each : at.temperatures)
        if (each.celsius >= limits::k_temperature_high_c)
            out.push_back(
                {alarm_code::temperature, each.name,
                 each.celsius >= k_temperature_critical_c ? severity::critical : severity::warning,
                 "the machine is hot: " + each.type + " (" + each.name + ") is at " +
                     std::to_string(std::lround(each.celsius)) + " °C"});
}

void judge_journal(const journal_snapshot& at, list& out) {
    if (!at.full && at.hours_left < k_hours_left_low)
        out.push_back(
            {alarm_code::journal_filling, "",
             at.hours_left < k_hours_left_very_low ? severity::critical : severity::warning,
             "at the present rate the journal is full in " + duration(at.hours_left * 3600)});
}

void judge_silence(const silence_snapshot& at, list& out) {
    for (const auto& each : at.profiles)
        if (each.silent > 0)
            out.push_back({alarm_code::devices_silent, each.name, severity::warning,
                           plural(each.silent, "device") + " of profile " + each.name +
                               (each.silent == 1 ? " has" : " have") +
                               " been silent for too long (wharfctl status)"});
}

// Events are not taken.
void judge_failing(const gateway_snapshot& now, list& out) {
    auto say = [&](alarm_code code, std::string text) {
        out.push_back({code, "", severity::critical, std::move(text), true});
    };
    if (!now.fenced.empty())
        say(alarm_code::fenced,
            "nothing is taken and nothing is delivered, for good: " + now.fenced);
    else if (!now.ended.empty())
        out.push_back({alarm_code::ended, "", severity::warning,
                       "nothing is taken and nothing is delivered, for good: " + now.ended, true});
    else if (now.drained)
        out.push_back({alarm_code::drained, "", severity::warning,
                       "it is drained: nothing is taken until wharfctl drain --end; " +
                           plural(now.drained->pending, "update") + " pending",
                       true});
    else if (!now.listener.listening && !now.stopping)
        say(alarm_code::not_listening, "the listener takes no connections");
    if (now.journal.full)
        say(alarm_code::journal_full,
            "the journal is full: devices are not acknowledged until there is space");
    if (now.journal.oldest_request_s > k_commit_stuck_s)
        say(alarm_code::commit_stuck,
            "a commit has been under way for " + duration(now.journal.oldest_request_s));
}

} // namespace

std::vector<condition> conditions_of(const gateway_snapshot& now) {
    list out;
    auto say = [&](alarm_code code, severity level, std::string text) {
        out.push_back({code, "", level, std::move(text)});
    };
    judge_failing(now, out);
    if (!now.books().balance())
        say(alarm_code::books_unbalanced, severity::critical,
            "the books do not balance (wharfctl books)");
    judge_journal(now.journal, out);
    for (const auto& each : now.destinations)
        judge_destination(each, !now.fenced.empty() || !now.ended.empty(), out);
    judge_listener(now.listener, out);
    if (!now.configuration_problem.empty())
        say(alarm_code::configuration, severity::warning,
            "the configuration: " + now.configuration_problem);
    if (!now.access_refused.empty())
        say(alarm_code::access_refused, severity::warning, now.access_refused);
    for (const auto& each : now.bridges)
        judge_bridge(each, out);
    if (now.quarantine_open > 0)
        say(alarm_code::quarantine, severity::warning,
            plural(now.quarantine_open, "message") + " in quarantine (wharfctl quarantine list)");
    if (now.journal.identities_evicted_early > 0)
        say(alarm_code::identity_window, severity::warning,
            "the identity window is bounded by its count, not by its hours: raise "
            "identity.entries_max");
    judge_silence(now.silence, out);
    judge_machine(now.machine, out);
    if (!now.clock_synchronised)
        say(alarm_code::clock, severity::warning, "the clock is not synchronised");
    return out;
}

} // namespace wharf::observe
