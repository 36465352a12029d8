#include "gateway/observe/slo.hpp"

#include "gateway/base/assert.hpp"

#include <algorithm>

namespace wharf::observe {

namespace {

constexpr std::int64_t k_bucket_us = std::int64_t{limits::k_target_bucket_s} * 1'000'000;

std::int64_t number_of(std::int64_t at_us) {
    return at_us / k_bucket_us;
}

} // namespace

target_ledger::target_ledger(service_target target) : target_(target) {
    WHARF_ASSERT(target.within_us > 0 &&
                 target.within_us <= std::int64_t{limits::k_target_within_ms_max} * 1000);
    WHARF_ASSERT(target.objective > 0 && target.objective < 1);
    // The longest window, what is not due yet, the one that is being filled, and one more for what
    // is noted while the clock goes on.
    const auto waiting = target.within_us / k_bucket_us + 3;
    buckets_.resize(limits::k_target_window_s / limits::k_target_bucket_s +
                    static_cast<std::size_t>(waiting));
    for (std::size_t i = 0; i < k_window_count; ++i)
        state_.windows[i].length_s = k_window_lengths_s[i];
}

void target_ledger::due(std::int64_t committed_us, std::uint64_t count) {
    if (committed_us < 0) return;
    const auto number = number_of(committed_us);
    if (number <= judged_) return; // it says when it is judged already: nobody waits for it
    auto& place = place_of(number);
    if (place.number != number) place = {number, 0, 0};
    place.due += static_cast<std::uint32_t>(count);
}

void target_ledger::settled(std::int64_t committed_us, std::int64_t took_us, std::uint64_t count) {
    if (committed_us < 0 || took_us > target_.within_us) return;
    auto& place = place_of(number_of(committed_us));
    if (place.number != number_of(committed_us)) return;
    place.in_time += static_cast<std::uint32_t>(count);
}

void target_ledger::add(burn_window& to, std::int64_t number) {
    if (number < 0) return;
    const auto& place = place_of(number);
    if (place.number != number) return; // nothing was committed then
    to.due += place.due;
    to.late += place.due - std::min(place.due, place.in_time);
}

const target_state& target_ledger::judge(std::int64_t now_us) {
    // The last bucket whose last update has had its time.
    const auto last = number_of(std::max<std::int64_t>(0, now_us - target_.within_us)) - 1;
    if (last <= judged_) return state_;
    const auto known = static_cast<std::int64_t>(buckets_.size());
    burn_window fresh;
    for (auto number = std::max(judged_ + 1, last - known + 1); number <= last; ++number)
        add(fresh, number);
    state_.due += fresh.due;
    state_.late += fresh.late;
    judged_ = last;
    weigh();
    return state_;
}

void target_ledger::weigh() {
    for (auto& window : state_.windows) {
        window.due = window.late = 0;
        for (auto number = judged_ - window.length_s / limits::k_target_bucket_s + 1;
             number <= judged_; ++number)
            add(window, number);
        const auto part = window.due == 0
                              ? 0.0
                              : static_cast<double>(window.late) / static_cast<double>(window.due);
        window.burn_rate = part / (1 - target_.objective);
    }
    const auto burns = [&](window_name brief, window_name lasting, double rate) {
        const auto& windows = state_.windows;
        return windows[brief].burn_rate >= rate && windows[lasting].burn_rate >= rate &&
               windows[lasting].late >= limits::k_target_late_least;
    };
    state_.level = burns(k_5m, k_1h, k_fast_burn)    ? burn::fast
                   : burns(k_30m, k_6h, k_slow_burn) ? burn::slow
                                                     : burn::none;
}

} // namespace wharf::observe
