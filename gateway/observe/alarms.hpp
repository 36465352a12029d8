// The alarms of a gateway: what somebody should see to, since when, how serious. Conditions that
// can be looked up are settled as a whole, again and again; what only an event tells is raised and
// cleared. Both as often as one likes: only what changes is a change, to be taken by whoever writes
// it down or sends it on. Pure; one thread; cannot fail. What is beyond the bounds is counted.
#pragma once

#include "gateway/base/limits.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace wharf::observe {

// A fixed list: it becomes a label of metrics. Names are stable.
enum class alarm_code : std::uint8_t {
    fenced,
    not_listening,
    journal_full,
    commit_stuck,
    books_unbalanced,
    journal_filling,
    destination_stopped,
    destination_away,
    dead_letters,
    lane_waiting,
    target_missed,
    blocked_keys,
    tls_files,
    certificate,
    access_refused,
    bridge_away,
    quarantine,
    identity_window,
    clock,
    devices_silent,
    disk_low,
    flash_worn,
    temperature,
    configuration,
    drained,
    ended,
    shedding,
};
inline constexpr std::size_t k_alarm_code_count =
    static_cast<std::size_t>(alarm_code::shedding) + 1;
[[nodiscard]] std::string_view to_string(alarm_code code) noexcept;

enum class severity : std::uint8_t { warning, critical };
inline constexpr std::size_t k_severity_count = 2;
[[nodiscard]] std::string_view to_string(severity level) noexcept;

struct condition {
    alarm_code code = alarm_code::not_listening;
    std::string
        subject; // which one: a destination, a lane, a bridge; empty where there is one only
    severity level = severity::warning;
    std::string text;
    bool failing = false; // events are not taken: health.hpp
};

struct alarm_time {
    std::int64_t now_us = 0; // never goes back
    std::int64_t wall_us = 0;
};

struct alarm {
    alarm_code code = alarm_code::not_listening;
    std::string subject;
    severity level = severity::warning;
    std::string text;
    alarm_time since;
    std::uint64_t count = 0; // times it was raised since the start, as far as is remembered
};

struct alarm_change {
    enum class what : std::uint8_t { raised, escalated, eased, cleared };
    what became = what::raised;
    alarm about; // of `cleared`: as it last was
};
[[nodiscard]] std::string_view to_string(alarm_change::what became) noexcept;

class alarm_board {
  public:
    explicit alarm_board(std::size_t alarms_max = limits::k_alarms_max) : alarms_max_(alarms_max) {}

    // Everything that is so now; what settle() raised and is not among it is over.
    void settle(const std::vector<condition>& now_so, alarm_time at);
    // Until clear(); settle() leaves it alone.
    void raise(const condition& what, alarm_time at);
    void clear(alarm_code code, std::string_view subject, alarm_time at);

    // In the order of their happening. More than limits::k_alarm_changes_max are not kept.
    [[nodiscard]] std::vector<alarm_change> take_changes();
    // The most serious first, then the oldest.
    [[nodiscard]] std::vector<alarm> standing() const;
    // What was raised by raise(), as conditions.
    [[nodiscard]] std::vector<condition> raised() const;

    // Since the start, by code.
    [[nodiscard]] const std::array<std::uint64_t, k_alarm_code_count>& times_raised() const {
        return times_raised_;
    }
    // Alarms and changes for which there was no room.
    [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

  private:
    struct entry {
        alarm is;
        bool stands = false;
        bool by_raise = false;
        bool seen = false; // in the settle() under way
    };
    entry* find(alarm_code code, std::string_view subject);
    entry* add(alarm_code code, const std::string& subject);
    entry* put(const condition& what, alarm_time at);
    void end(entry& one, alarm_time at);
    void tell(alarm_change::what became, const alarm& about);

    std::size_t alarms_max_;
    std::vector<entry> entries_; // those that are over stay until there is no room
    std::deque<alarm_change> changes_;
    std::array<std::uint64_t, k_alarm_code_count> times_raised_{};
    std::uint64_t left_out_ = 0;
};

} // namespace wharf::observe
