#include "tests/sim/sync_shell.hpp"

#include "gateway/base/limits.hpp"

#include <algorithm>

namespace wharf::sim {

sim_sync::sim_sync(world& in, process& of, const plan& with)
    : world_(in), process_(of), plan_(with) {}

bool sim_sync::start() {
    return std::ranges::all_of(runners_, [](const auto& one) { return one->start(); });
}

void sim_sync::changed() {
    if (std::exchange(dirty_, true)) return;
    process_.post(0, [this] { renew(); });
}

void sim_sync::renew() {
    if (ended_) return;
    dirty_ = false;
    std::optional<std::int64_t> wake;
    std::size_t in_flight = 0;
    for (const auto& one : runners_) {
        in_flight += one->snapshot().requests_in_flight;
        const auto next = one->next_wake_us();
        if (next && (!wake || *next < *wake)) wake = next;
    }
    if (stopped_) {
        if (in_flight == 0) end();
        return;
    }
    ++timer_;
    if (!wake) return;
    const auto wait_us = std::max<std::int64_t>(0, *wake - process_.monotonic_us());
    process_.post(wait_us, [this, timer = timer_] {
        if (timer != timer_) return;
        for (const auto& one : runners_)
            one->on_tick();
    });
}

void sim_sync::on_appended(std::vector<event_head> heads) {
    if (heads.empty()) return;
    const bool fits = more_to_ == k_no_sequence &&
                      announced_.size() + heads.size() <= plan_.gateway.announced_heads_max;
    if (fits) {
        announced_.insert(announced_.end(), heads.begin(), heads.end());
    } else {
        world_.fired(fault::heads_not_announced);
        more_to_ = heads.back().number;
    }
    if (std::exchange(told_, true)) return;
    process_.hand_over(to_here_, [this] { take_announced(); });
}

void sim_sync::take_announced() {
    if (ended_) return;
    const auto heads = std::exchange(announced_, {});
    const auto more = std::exchange(more_to_, k_no_sequence);
    told_ = false;
    for (const auto& one : runners_) {
        if (!heads.empty()) one->on_appended(heads);
        if (more != k_no_sequence) one->on_more(more);
    }
}

void sim_sync::on_space(bool full) {
    process_.hand_over(to_here_, [this, full] {
        if (ended_) return;
        for (const auto& one : runners_)
            one->on_space(full);
    });
}

void sim_sync::post(const delivery_done& done) {
    process_.hand_over(to_here_, [this, done] {
        if (ended_) return;
        for (const auto& one : runners_)
            if (one->number() == done.destination) return one->on_journaled(done.token);
    });
}

void sim_sync::stop(std::int64_t grace_us, std::function<void()> done) {
    stopped_ = std::move(done);
    ++timer_;
    for (const auto& one : runners_)
        one->pause();
    process_.post(grace_us, [this] { end(); });
    renew();
}

// Its thread runs no more: whatever is for it is lost.
void sim_sync::end() {
    if (std::exchange(ended_, true)) return;
    for (const auto& one : runners_)
        one->abandon();
    stopped_();
}

void sim_sync::check_bounds() const {
    const auto bound = [](const char* what, std::size_t is, std::size_t most) {
        if (is > most)
            violated("bounds", std::string(what) + " " + std::to_string(is) + ", at most " +
                                   std::to_string(most));
    };
    for (const auto& one : runners_) {
        const auto now = one->snapshot();
        const auto& options = one->options();
        for (std::size_t i = 0; i < k_lane_count; ++i)
            bound("updates in a lane's window", now.pending_in_window[i],
                  limits::k_lane_window_max + limits::k_lane_window_max / 16);
        bound("blocked keys", now.blocked_keys,
              limits::k_blocked_keys_max + limits::k_order_keys_max);
        bound("requests in flight", now.requests_in_flight, options.in_flight_max);
    }
}

} // namespace wharf::sim
