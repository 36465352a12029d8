#include "gateway/observe/rate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace wharf::observe {

void moving_rate::sample(std::int64_t now_us, std::uint64_t total) {
    if (started_ && now_us <= last_us_) return;
    if (started_) {
        double passed_s = static_cast<double>(now_us - last_us_) / 1e6;
        double grown = static_cast<double>(total) - static_cast<double>(last_total_);
        // A plain average until one time constant has passed, exponential from then on.
        weight_s_ = std::min(weight_s_ + passed_s, tau_s_);
        double share = std::min(1.0, passed_s / weight_s_);
        if (weight_s_ >= tau_s_) share = 1.0 - std::exp(-passed_s / tau_s_);
        per_s_ += share * (grown / passed_s - per_s_);
    }
    started_ = true;
    last_us_ = now_us;
    last_total_ = total;
}

double hours_left(std::uint64_t bytes_free, double bytes_per_s) noexcept {
    if (!(bytes_per_s > 0)) return std::numeric_limits<double>::infinity();
    return static_cast<double>(bytes_free) / bytes_per_s / 3600.0;
}

} // namespace wharf::observe
