// A service target: which part of a lane's updates has to be in the ERP how soon; and how fast the
// part that may be late is being used up. After Google's SRE workbook, chapter 5 ("multiwindow,
// multi-burn-rate alerts"): a burn rate of 1 uses up exactly what the objective allows. An alarm
// needs a long window, so that it means something, and a short one, so that it ends soon after its
// cause. Pure, in running time; one thread at a time; cannot fail.
//
// What counts is when an update was committed: a bucket is judged once everything in it has to be
// there, so that what still waits is late and what is not yet due is nothing.
#pragma once

#include "gateway/base/limits.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace wharf::observe {

struct service_target {
    std::int64_t within_us = 0;
    double objective = 0.99; // the part that has to be there in time, below 1
};

enum class burn : std::uint8_t {
    none,
    slow, // 6 times too fast, in 30 minutes and in 6 hours: the budget of a month in 5 days
    fast, // 14.4 times too fast, in 5 minutes and in 1 hour: in 2 days
};

struct burn_window {
    std::int64_t length_s = 0;
    std::uint64_t due = 0;
    std::uint64_t late = 0;
    double burn_rate = 0;
};

enum window_name : std::size_t { k_5m, k_30m, k_1h, k_6h, k_window_count };
inline constexpr std::array<std::int64_t, k_window_count> k_window_lengths_s = {300, 1800, 3600,
                                                                                21'600};
inline constexpr double k_fast_burn = 14.4;
inline constexpr double k_slow_burn = 6;

struct target_state {
    burn level = burn::none;
    std::array<burn_window, k_window_count> windows{};
    // Since the start.
    std::uint64_t due = 0;
    std::uint64_t late = 0;
};

class target_ledger {
  public:
    // REQUIRES: within_us from 1 on to limits::k_target_within_ms_max, objective below 1.
    explicit target_ledger(service_target target);

    // So many updates were committed.
    void due(std::int64_t committed_us, std::uint64_t count);
    // Of those that were committed then, so many are there after so long. What was committed before
    // the start does not count.
    void settled(std::int64_t committed_us, std::int64_t took_us, std::uint64_t count);

    [[nodiscard]] const target_state& judge(std::int64_t now_us);
    [[nodiscard]] const service_target& target() const { return target_; }

  private:
    struct bucket {
        std::int64_t number = -1; // of its time, from the clock's start; -1: none yet
        std::uint32_t due = 0;
        std::uint32_t in_time = 0;
    };
    [[nodiscard]] bucket& place_of(std::int64_t number) {
        return buckets_[static_cast<std::size_t>(number) % buckets_.size()];
    }
    void add(burn_window& to, std::int64_t number);
    void weigh();

    service_target target_;
    std::vector<bucket> buckets_; // a ring
    std::int64_t judged_ = -1;    // up to this number
    target_state state_;
};

} // namespace wharf::observe
