// A rate with a burst: so much per second, and what was not used is kept up to the burst. May be
// taken into debt, because what came is known only after it was read; then it says for how long to
// wait. One thread.
#pragma once

#include "gateway/base/limits.hpp"

#include <algorithm>
#include <cstdint>

namespace wharf::access {

struct rate {
    std::uint64_t per_s = 0; // 0: without a bound
    std::uint64_t burst = 0; // at least 1 where there is a bound

    bool operator==(const rate&) const = default;
};

class token_bucket {
  public:
    // REQUIRES: per_s and burst are at most limits::k_rate_max.
    token_bucket(const rate& how, std::int64_t now_us)
        : how_(how), millionths_(full()), at_us_(now_us) {}

    // Takes them, even where there are not so many.
    void spend(std::uint64_t count, std::int64_t now_us) {
        if (how_.per_s == 0) return;
        refill(now_us);
        const auto taken = static_cast<std::int64_t>(std::min(count, limits::k_rate_max));
        millionths_ = std::max(millionths_ - taken * k_millionths, -k_debt_max);
    }
    // Takes one where there is one.
    [[nodiscard]] bool try_spend(std::int64_t now_us) {
        if (how_.per_s == 0) return true;
        refill(now_us);
        if (millionths_ < k_millionths) return false;
        millionths_ -= k_millionths;
        return true;
    }
    [[nodiscard]] bool in_debt(std::int64_t now_us) {
        if (how_.per_s == 0) return false;
        refill(now_us);
        return millionths_ < 0;
    }

  private:
    static constexpr std::int64_t k_millionths = 1'000'000;
    static constexpr std::int64_t k_debt_max =
        static_cast<std::int64_t>(limits::k_rate_max) * k_millionths;

    [[nodiscard]] std::int64_t full() const {
        return static_cast<std::int64_t>(std::max<std::uint64_t>(how_.burst, 1)) * k_millionths;
    }
    void refill(std::int64_t now_us) {
        if (now_us <= at_us_) return;
        const std::int64_t missing = full() - millionths_;
        const auto per_s = static_cast<std::int64_t>(how_.per_s);
        const std::int64_t passed_us = now_us - at_us_;
        at_us_ = now_us;
        // Tokens per second are millionths per microsecond.
        if (passed_us > missing / per_s)
            millionths_ = full();
        else
            millionths_ += passed_us * per_s;
    }

    rate how_;
    std::int64_t millionths_;
    std::int64_t at_us_;
};

} // namespace wharf::access
