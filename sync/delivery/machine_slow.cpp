// What an operator slows down: single lanes that wait, and a bound on requests for a while.
#include "sync/delivery/machine.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/base/limits.hpp"

#include <algorithm>

namespace wharf {

namespace {
constexpr std::int64_t k_second_us = 1'000'000;
// Timers are late: so much is caught up.
constexpr std::int64_t k_catch_up_us = 10'000;
} // namespace

void destination_machine::pause_lane(lane which, bool paused, instant at) {
    paused_lanes_[index_of(which)] = paused;
    pump(at);
}

// A sealed batch is never formed anew, so that it waits as a whole.
bool destination_machine::waits_for_lane(const open_batch& b) const {
    return std::ranges::any_of(b.items, [this](const batch_entry& e) { return is_paused(e); });
}

void destination_machine::limit_rate(std::uint32_t requests_per_s, std::int64_t for_us,
                                     instant at) {
    WHARF_ASSERT(requests_per_s <= limits::k_requests_per_s_max);
    requests_per_s_max_ = requests_per_s;
    limited_until_us_ = requests_per_s == 0 ? 0 : at.now_us + for_us;
    next_request_us_ = 0;
    pump(at);
}

std::int64_t destination_machine::next_request_us(instant at) const {
    if (at.now_us >= limited_until_us_) return 0;
    return std::min(next_request_us_, limited_until_us_);
}

void destination_machine::count_request(instant at) {
    if (at.now_us >= limited_until_us_) {
        requests_per_s_max_ = 0;
        limited_until_us_ = 0;
        return;
    }
    next_request_us_ =
        std::max(next_request_us_, at.now_us - k_catch_up_us) + k_second_us / requests_per_s_max_;
}

} // namespace wharf
