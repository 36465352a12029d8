// How fast a total grows, smoothed, and what that means for the room that is left. One thread.
#pragma once

#include <cstdint>

namespace wharf::observe {

class moving_rate {
  public:
    // tau_s: changes are forgotten with this time constant.
    explicit moving_rate(double tau_s = 900.0) : tau_s_(tau_s) {}

    // A total at a monotonic time. A total that falls counts as growth of less than nothing.
    void sample(std::int64_t now_us, std::uint64_t total);
    // Never negative; 0 before the second sample.
    [[nodiscard]] double per_s() const noexcept { return per_s_ > 0 ? per_s_ : 0; }

  private:
    double tau_s_;
    double per_s_ = 0;
    double weight_s_ = 0; // how much time is behind per_s_, up to tau_s_
    bool started_ = false;
    std::int64_t last_us_ = 0;
    std::uint64_t last_total_ = 0;
};

// Infinite where nothing grows.
[[nodiscard]] double hours_left(std::uint64_t bytes_free, double bytes_per_s) noexcept;

} // namespace wharf::observe
