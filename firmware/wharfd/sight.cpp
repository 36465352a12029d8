#include "firmware/wharfd/sight.hpp"

#include "gateway/platform/log/log.hpp"
#include "gateway/platform/machine/probe.hpp"

#include <algorithm>
#include <array>

namespace wharf {

namespace {

using observe::alarm_change;
using observe::alarm_code;

constexpr std::int64_t k_machine_look_us = std::int64_t{limits::k_machine_look_s} * 1'000'000;
constexpr std::int64_t k_full_again_us = 60'000'000;

// The log has these from who saw them first.
bool is_logged_elsewhere(alarm_code code) {
    return code == alarm_code::destination_away || code == alarm_code::destination_stopped ||
           code == alarm_code::blocked_keys || code == alarm_code::tls_files ||
           code == alarm_code::shedding;
}

void log_change(const alarm_change& change) {
    const auto& about = change.about;
    if (is_logged_elsewhere(about.code)) return;
    const bool over = change.became == alarm_change::what::cleared;
    log::write(over ? log::level::info : log::level::warn,
               over ? "over: " + about.text : about.text,
               {{"alarm", to_string(about.code)},
                {"subject", about.subject},
                {"severity", to_string(about.level)},
                {"change", to_string(change.became)}});
}

std::uint64_t not_negative(std::int64_t us) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, us));
}

} // namespace

sight::lane_sight::lane_sight(const target_config& from) {
    if (from.within_ms > 0)
        target.emplace(
            observe::service_target{std::int64_t{from.within_ms} * 1000, from.objective});
}

void sight::change_targets(const std::array<target_config, k_lane_count>& to) {
    const std::lock_guard lock(targets_mutex_);
    for (const auto& each : destinations_)
        for (std::size_t i = 0; i < k_lane_count; ++i) {
            auto& target = each->lanes[i]->target;
            const auto within_us = std::int64_t{to[i].within_ms} * 1000;
            const bool same = target ? target->target().within_us == within_us &&
                                           target->target().objective == to[i].objective
                                     : within_us == 0;
            if (same) continue;
            target.reset();
            if (within_us > 0) target.emplace(observe::service_target{within_us, to[i].objective});
        }
}

sight::sight(const config& settings, clock_port& clock, worker_pool& workers)
    : journal_path_(settings.journal.path), clock_(clock), workers_(workers) {
    for (const auto& each : settings.destinations) {
        auto& one = *destinations_.emplace_back(std::make_unique<destination_sight>());
        one.name = each.name;
        for (std::size_t i = 0; i < k_lane_count; ++i)
            one.lanes[i] = std::make_unique<lane_sight>(settings.targets[i]);
    }
}

observe::alarm_time sight::now() const {
    return {clock_.monotonic_us(), clock_.wall_us()};
}

void sight::count_due(std::int64_t journal_time_us,
                      const std::array<std::uint64_t, k_lane_count>& by_lane) {
    const auto committed_us = journal_time_us - journal_ahead_us_;
    const std::lock_guard lock(targets_mutex_);
    for (const auto& each : destinations_)
        for (std::size_t i = 0; i < k_lane_count; ++i)
            if (each->lanes[i]->target && by_lane[i] > 0)
                each->lanes[i]->target->due(committed_us, by_lane[i]);
}

void sight::on_appended(const std::vector<event_head>& heads) {
    for (auto at = heads.begin(); at != heads.end();) {
        const auto time_us = at->journal_time_us;
        std::array<std::uint64_t, k_lane_count> by_lane{};
        for (; at != heads.end() && at->journal_time_us == time_us; ++at)
            ++by_lane[index_of(at->in_lane)];
        count_due(time_us, by_lane);
    }
}

void sight::on_notes(std::size_t place, const std::vector<delivery_note>& notes) {
    auto& at = *destinations_.at(place);
    const std::lock_guard lock(targets_mutex_);
    for (const auto& note : notes) {
        auto& lane = *at.lanes[index_of(note.in_lane)];
        switch (note.about) {
        case delivery_note::what::sent:
            lane.first_sent.record_us(not_negative(note.took_us), note.count);
            break;
        case delivery_note::what::answered:
            at.answers.record_us(not_negative(note.took_us), note.count);
            break;
        case delivery_note::what::settled:
            lane.delivered.record_us(not_negative(note.took_us), note.count);
            if (lane.target) lane.target->settled(note.committed_us, note.took_us, note.count);
            break;
        }
    }
}

void sight::on_delivery_alarm(const std::string& destination, const std::string& code,
                              const std::string& text, bool raised) {
    // The others can be seen in the state of the destination.
    constexpr std::array told = {alarm_code::tls_files, alarm_code::blocked_keys,
                                 alarm_code::shedding};
    const auto which = std::ranges::find(told, code, [](auto one) { return to_string(one); });
    if (which == told.end()) return;
    if (raised)
        board_.raise({*which, destination, observe::severity::warning,
                      "destination " + destination + ": " + text},
                     now());
    else
        board_.clear(*which, destination, now());
}

void sight::add_to(observe::gateway_snapshot& out, device_watch& devices) const {
    {
        const auto now_us = clock_.monotonic_us();
        const std::lock_guard lock(targets_mutex_);
        for (const auto& each : destinations_) {
            auto to = std::ranges::find_if(
                out.destinations, [&](const auto& one) { return one.books.name == each->name; });
            if (to == out.destinations.end()) continue;
            to->answers = each->answers.snapshot();
            for (std::size_t i = 0; i < k_lane_count; ++i) {
                auto& from = *each->lanes[i];
                auto& lane = to->lanes[i];
                lane.first_sent = from.first_sent.snapshot();
                lane.delivered = from.delivered.snapshot();
                if (!from.target) continue;
                lane.aim = from.target->target();
                lane.target = from.target->judge(now_us);
            }
        }
    }
    for (const auto& each : devices.counts())
        out.silence.profiles.push_back({each.profile, each.watched, each.silent});
    for (const auto& each : devices.silent_devices())
        out.silence.devices.push_back({each.device, each.profile,
                                       static_cast<double>(each.silent_us) / 1e6,
                                       each.never_heard});
    out.silence.unwatched = devices.unwatched();
    out.machine = machine_;
    out.alarms = {board_.standing(), board_.raised(), board_.times_raised(), board_.left_out()};
}

void sight::tell_changes() {
    for (const auto& change : board_.take_changes()) {
        log_change(change);
        if (changed_) changed_(change);
    }
}

void sight::watch(const observe::gateway_snapshot& seen) {
    auto conditions = observe::conditions_of(seen);
    hold_journal_full(conditions);
    board_.settle(conditions, now());
    tell_changes();
    look_at_machine();
}

// At the quota space comes and goes many times a minute: that is one alarm.
void sight::hold_journal_full(std::vector<observe::condition>& conditions) {
    const auto is_it = [](const auto& one) { return one.code == alarm_code::journal_full; };
    if (const auto found = std::ranges::find_if(conditions, is_it); found != conditions.end()) {
        journal_full_ = *found;
        journal_full_us_ = clock_.monotonic_us();
    } else if (journal_full_ && clock_.monotonic_us() - journal_full_us_ < k_full_again_us) {
        conditions.push_back(*journal_full_);
    } else {
        journal_full_.reset();
    }
}

// By a worker: a sensor may be slow. Where there is too much to do for them it waits for the next
// time.
void sight::look_at_machine() {
    const auto now_us = clock_.monotonic_us();
    if (machine_looking_ ||
        (machine_looked_us_ && now_us - *machine_looked_us_ < k_machine_look_us))
        return;
    auto found = std::make_shared<observe::machine_snapshot>();
    machine_looking_ =
        workers_.post([found, path = journal_path_] { *found = probe_machine(path); },
                      [this, found] {
                          machine_ = std::move(*found);
                          machine_looking_ = false;
                      });
    if (machine_looking_) machine_looked_us_ = now_us;
}

} // namespace wharf
