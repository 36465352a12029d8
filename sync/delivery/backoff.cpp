#include "sync/delivery/backoff.hpp"
#include "gateway/base/mutant.hpp"

#include <algorithm>

namespace wharf {

std::uint64_t jitter::next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    auto z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

std::int64_t jitter::below(std::int64_t bound) {
    if (bound <= 0) return 0;
    return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(bound));
}

std::int64_t backoff_us(jitter& random, std::int64_t base_us, std::int64_t cap_us,
                        std::uint32_t attempt) {
    auto bound = std::min(base_us, cap_us);
    for (std::uint32_t i = 1; i < attempt && bound < cap_us; ++i)
        bound = bound > cap_us / 2 ? cap_us : bound * 2;
    return 1 + random.below(bound);
}

void circuit_breaker::on_failure(std::uint64_t which, bool several_keys, std::int64_t now_us,
                                 jitter& random) {
    if (failures_ == 0) first_which_ = which;
    across_keys_ = across_keys_ || several_keys || which != first_which_;
    ++failures_;
    if (failures_ < failures_max_ || !across_keys_) return;
    if (now_us < open_until_us_) return; // an answer from before it opened
    ++openings_;
    // Half of it is certain: a circuit that may close at once is none.
    const auto wait = backoff_us(random, base_us_, cap_us_, openings_ + 1);
    const auto floor = std::min(cap_us_, base_us_ << std::min(openings_, 20U)) / 2;
    open_until_us_ = now_us + std::max(wait, floor);
}

void circuit_breaker::on_success() {
    failures_ = openings_ = 0;
    across_keys_ = false;
    open_until_us_ = 0;
}

circuit_state circuit_breaker::state(std::int64_t now_us) const {
    if (open_until_us_ == 0) return circuit_state::closed;
    if (WHARF_MUTANT(circuit_stays_open)) return circuit_state::open;
    return now_us < open_until_us_ ? circuit_state::open : circuit_state::half_open;
}

} // namespace wharf
