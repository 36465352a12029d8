#include "gateway/observe/alarms.hpp"

#include <algorithm>

namespace wharf::observe {

namespace {

// At a whole character.
std::string bounded(const std::string& text) {
    if (text.size() <= limits::k_alarm_text_bytes_max) return text;
    auto end = limits::k_alarm_text_bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        --end;
    return text.substr(0, end);
}

} // namespace

std::string_view to_string(alarm_code code) noexcept {
    constexpr std::array<std::string_view, k_alarm_code_count> names = {"fenced",
                                                                        "not_listening",
                                                                        "journal_full",
                                                                        "commit_stuck",
                                                                        "books_unbalanced",
                                                                        "journal_filling",
                                                                        "destination_stopped",
                                                                        "destination_away",
                                                                        "dead_letters",
                                                                        "lane_waiting",
                                                                        "target_missed",
                                                                        "blocked_keys",
                                                                        "tls_files",
                                                                        "certificate",
                                                                        "access_refused",
                                                                        "bridge_away",
                                                                        "quarantine",
                                                                        "identity_window",
                                                                        "clock",
                                                                        "devices_silent",
                                                                        "disk_low",
                                                                        "flash_worn",
                                                                        "temperature",
                                                                        "configuration",
                                                                        "drained",
                                                                        "ended",
                                                                        "shedding"};
    return names[static_cast<std::size_t>(code)];
}

std::string_view to_string(severity level) noexcept {
    return level == severity::critical ? "critical" : "warning";
}

std::string_view to_string(alarm_change::what became) noexcept {
    constexpr std::array<std::string_view, 4> names = {"raised", "escalated", "eased", "cleared"};
    return names[static_cast<std::size_t>(became)];
}

alarm_board::entry* alarm_board::find(alarm_code code, std::string_view subject) {
    for (auto& each : entries_)
        if (each.is.code == code && each.is.subject == subject) return &each;
    return nullptr;
}

// nullptr: everything that is there stands.
alarm_board::entry* alarm_board::add(alarm_code code, const std::string& subject) {
    entry* place = nullptr;
    if (entries_.size() < alarms_max_) {
        place = &entries_.emplace_back();
    } else {
        for (auto& each : entries_)
            if (!each.stands && (place == nullptr || each.is.since.now_us < place->is.since.now_us))
                place = &each;
        if (place == nullptr) {
            ++left_out_;
            return nullptr;
        }
        *place = {};
    }
    place->is.code = code;
    place->is.subject = subject;
    return place;
}

void alarm_board::tell(alarm_change::what became, const alarm& about) {
    if (changes_.size() >= limits::k_alarm_changes_max) {
        ++left_out_;
        return;
    }
    changes_.push_back({became, about});
}

alarm_board::entry* alarm_board::put(const condition& what, alarm_time at) {
    auto* one = find(what.code, what.subject);
    if (one == nullptr) one = add(what.code, what.subject);
    if (one == nullptr) return nullptr;
    one->is.text = bounded(what.text);
    const auto before = one->is.level;
    one->is.level = what.level;
    if (!one->stands) {
        one->stands = true;
        one->is.since = at;
        ++one->is.count;
        ++times_raised_[static_cast<std::size_t>(what.code)];
        tell(alarm_change::what::raised, one->is);
    } else if (before != what.level) {
        tell(what.level > before ? alarm_change::what::escalated : alarm_change::what::eased,
             one->is);
    }
    return one;
}

void alarm_board::end(entry& one, alarm_time at) {
    one.stands = one.by_raise = false;
    tell(alarm_change::what::cleared, one.is);
    one.is.since = at; // since when it is over: the longest gives its place first
}

void alarm_board::settle(const std::vector<condition>& now_so, alarm_time at) {
    for (auto& each : entries_)
        each.seen = false;
    for (const auto& each : now_so)
        if (auto* one = put(each, at)) one->seen = true;
    for (auto& each : entries_)
        if (each.stands && !each.seen && !each.by_raise) end(each, at);
}

void alarm_board::raise(const condition& what, alarm_time at) {
    if (auto* one = put(what, at)) one->by_raise = true;
}

void alarm_board::clear(alarm_code code, std::string_view subject, alarm_time at) {
    auto* one = find(code, subject);
    if (one != nullptr && one->stands) end(*one, at);
}

std::vector<alarm_change> alarm_board::take_changes() {
    std::vector<alarm_change> out(std::make_move_iterator(changes_.begin()),
                                  std::make_move_iterator(changes_.end()));
    changes_.clear();
    return out;
}

std::vector<alarm> alarm_board::standing() const {
    std::vector<alarm> out;
    for (const auto& each : entries_)
        if (each.stands) out.push_back(each.is);
    std::ranges::stable_sort(out, [](const alarm& a, const alarm& b) {
        return a.level != b.level ? a.level > b.level : a.since.now_us < b.since.now_us;
    });
    return out;
}

std::vector<condition> alarm_board::raised() const {
    std::vector<condition> out;
    for (const auto& each : entries_)
        if (each.stands && each.by_raise)
            out.push_back({each.is.code, each.is.subject, each.is.level, each.is.text, false});
    return out;
}

} // namespace wharf::observe
