// The process that the gateway is, as its shells see it: tasks of its own that die with it, its
// clocks, and the ways it ends. The gateway machine starts it again. One thread.
#pragma once

#include "gateway/ports/clock.hpp"
#include "tests/sim/plan.hpp"
#include "tests/sim/world.hpp"

#include <algorithm>
#include <functional>

namespace wharf::sim {

enum class death {
    killed,    // what was written and not synced can still be read
    power_cut, // it cannot
    failed,    // the process ended itself: a commit's outcome is unknown
    stopped,   // in good order
};

// Thrown by a shell between two calls of its machines, never through one.
struct process_death {
    death how;
};

class process final : public clock_port {
  public:
    process(world& in, std::function<void(death)> on_death)
        : world_(in), random_(in.random(30)), on_death_(std::move(on_death)) {}

    // Runs while this life of the process lasts.
    void post(std::int64_t after_us, world::task what) {
        world_.after(after_us, [this, life = life_, what = std::move(what)] {
            if (life == life_) run(what);
        });
    }
    // From outside, at once: bytes that arrive, an answer.
    void run(const world::task& what) {
        try {
            what();
        } catch (const process_death& end) {
            on_death_(end.how);
        }
    }
    // To another thread of it.
    std::int64_t hop_us() { return random_.between(1, 40); }
    // What one thread hands to another comes in its order.
    struct way {
        std::int64_t last_us = 0;
    };
    void hand_over(way& by, world::task what) {
        by.last_us = std::max(by.last_us, world_.now_us() + hop_us());
        post(by.last_us - world_.now_us(), std::move(what));
    }
    [[nodiscard]] std::uint64_t life() const { return life_; }
    void end_life() { ++life_; }
    void power_on() { machine_on_us_ = world_.now_us(); }
    void jump_wall_clock(std::int64_t us) { wall_offset_us_ += us; }
    void set_synchronised(bool yes) { synchronised_ = yes; }

    std::int64_t wall_us() override { return k_wall_base_us + world_.now_us() + wall_offset_us_; }
    std::int64_t monotonic_us() override { return k_second + world_.now_us() - machine_on_us_; }
    bool wall_synchronised() override { return synchronised_; }

  private:
    static constexpr std::int64_t k_wall_base_us = 1'772'000'000'000'000;
    world& world_;
    prng random_;
    std::function<void(death)> on_death_;
    std::uint64_t life_ = 1;
    std::int64_t machine_on_us_ = 0;
    std::int64_t wall_offset_us_ = 0;
    bool synchronised_ = true;
};

} // namespace wharf::sim
