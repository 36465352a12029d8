// How often the log says the same about the same address or name: some lines in an interval, then
// one that says how many were left out. The network thread; times are milliseconds of any clock
// that never goes back.
#pragma once

#include "gateway/access/recent_table.hpp"
#include "gateway/base/limits.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wharf::access {

class log_budget {
  public:
    log_budget() : subjects_(limits::k_log_subjects_max) {}

    // True: write the line. `kind` and `subject` together are what is counted.
    [[nodiscard]] bool take(std::string_view kind, std::string_view subject, std::int64_t now_ms);

    struct left_out {
        std::string kind;
        std::string subject; // empty: of subjects that are no longer remembered one by one
        std::uint64_t lines = 0;
    };
    // What was left out in intervals that have ended: each once.
    [[nodiscard]] std::vector<left_out> take_left_out(std::int64_t now_ms);

  private:
    struct interval {
        std::string kind;
        std::string subject;
        std::int64_t began_ms = 0;
        std::uint64_t lines = 0;
        std::uint64_t left_out = 0;
    };

    recent_table<interval> subjects_;
    std::vector<left_out> ended_; // by intervals that began anew since
    std::int64_t next_look_ms_ = 0;
};

} // namespace wharf::access
