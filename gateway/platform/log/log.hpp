// The program's log: human lines or one JSON object a line, to standard error, which the service
// manager keeps. Written by a thread of its own, so that a slow terminal never holds up a commit:
// at limits::k_log_queue_max lines waiting the oldest go and are counted. Any thread may log.
#pragma once

#include "gateway/base/result.hpp"

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wharf::log {

enum class level : std::uint8_t { trace, debug, info, warn, error };
inline constexpr std::size_t k_level_count = 5;
inline constexpr std::array<std::string_view, k_level_count> k_level_names = {
    "trace", "debug", "info", "warn", "error"};

struct options {
    bool json = false;
    level least = level::info;
    std::string file; // empty: standard error
};

// Once, before the first line; before it, and after shutdown, lines go nowhere.
status start(const options& how);
// From the next line on; nothing before start().
void set_least(level least);
// Writes what waits and ends the thread.
void shutdown();
// Writes what waits, for at most so long: before the process ends at once.
void flush_for(std::uint32_t wait_ms);

using fields = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// One line: what happened, then its details as name=value, the correlation id among them. Control
// characters are escaped: what a device sends cannot forge a line.
void write(level at, std::string_view what, fields details = {});

inline void debug(std::string_view what, fields details = {}) {
    write(level::debug, what, details);
}
inline void info(std::string_view what, fields details = {}) {
    write(level::info, what, details);
}
inline void warn(std::string_view what, fields details = {}) {
    write(level::warn, what, details);
}
inline void error(std::string_view what, fields details = {}) {
    write(level::error, what, details);
}

// Lines written since start, by level; those below the least level are not counted.
[[nodiscard]] std::array<std::uint64_t, k_level_count> lines_by_level() noexcept;
// Lines that were pushed out of the queue.
[[nodiscard]] std::uint64_t lines_dropped() noexcept;

// A line as it was written, cut where it is very long.
struct kept_line {
    std::uint64_t number = 0; // from 1, without gaps
    level at = level::info;
    std::string text;
};
// Of the last limits::k_log_lines_kept lines those with a larger number, in order.
[[nodiscard]] std::vector<kept_line> kept_since(std::uint64_t number);
// The number of the last line.
[[nodiscard]] std::uint64_t last_kept();
// From which level on lines are written; nothing before start().
[[nodiscard]] std::optional<level> least_level();

// The line without its time and level, as it is written. For the tests of this module.
[[nodiscard]] std::string rendered(bool json, std::string_view what, fields details);

} // namespace wharf::log
