#include "gateway/access/log_budget.hpp"

#include <utility>

namespace wharf::access {

bool log_budget::take(std::string_view kind, std::string_view subject, std::int64_t now_ms) {
    std::string key;
    key.reserve(kind.size() + subject.size() + 1);
    key.append(kind).append(1, '\0').append(subject);
    interval fresh;
    fresh.kind = kind;
    fresh.subject = subject;
    fresh.began_ms = now_ms;
    interval& at = subjects_.get(key, std::move(fresh));
    if (now_ms - at.began_ms >= limits::k_log_interval_ms) {
        if (at.left_out > 0 && ended_.size() < limits::k_log_subjects_max)
            ended_.push_back({at.kind, at.subject, at.left_out});
        at.began_ms = now_ms;
        at.lines = 0;
        at.left_out = 0;
    }
    if (at.lines < limits::k_log_lines_per_interval) {
        ++at.lines;
        return true;
    }
    ++at.left_out;
    return false;
}

std::vector<log_budget::left_out> log_budget::take_left_out(std::int64_t now_ms) {
    if (now_ms < next_look_ms_) return {};
    next_look_ms_ = now_ms + limits::k_log_interval_ms / 4;
    auto out = std::exchange(ended_, {});
    subjects_.visit([&](const std::string&, interval& at) {
        if (at.left_out == 0 || now_ms - at.began_ms < limits::k_log_interval_ms) return;
        out.push_back({at.kind, at.subject, at.left_out});
        at.left_out = 0;
    });
    subjects_.erase_if(
        [&](const interval& at) { return now_ms - at.began_ms >= limits::k_log_interval_ms; });
    return out;
}

} // namespace wharf::access
