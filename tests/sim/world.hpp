// Virtual time and the trace: what everything in a simulation shares. Tasks run one after another,
// those of one instant in the order in which they were planned. Every thing that happens is mixed
// into the trace's hash: the same seed gives the same hash. One thread.
#pragma once

#include "tests/sim/faults.hpp"
#include "tests/sim/prng.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace wharf::sim {

// A checker's verdict: ends the simulation of this seed.
struct violation {
    std::string checker;
    std::string words;
};

[[noreturn]] inline void violated(std::string checker, std::string words) {
    throw violation{std::move(checker), std::move(words)};
}

class world {
  public:
    using task = std::function<void()>;

    world(std::uint64_t seed, bool print) : random_(seed), print_(print) {}
    world(const world&) = delete;
    world& operator=(const world&) = delete;

    [[nodiscard]] std::int64_t now_us() const { return now_us_; }
    [[nodiscard]] prng random(std::uint64_t concern) const { return random_.split(concern); }

    void at(std::int64_t when_us, task what);
    void after(std::int64_t us, task what) { at(now_us_ + us, std::move(what)); }
    // The next task; false where there is none.
    bool step();
    [[nodiscard]] std::uint64_t steps() const { return steps_; }

    // Part of the trace. Numbers, never addresses.
    void note(std::string_view what, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0);
    void fired(fault what) {
        ++faults_[static_cast<std::size_t>(what)];
        note(k_fault_names[static_cast<std::size_t>(what)]);
    }
    [[nodiscard]] const fault_counts& faults() const { return faults_; }
    [[nodiscard]] std::uint64_t hash() const { return hash_; }

  private:
    struct planned {
        std::int64_t at_us;
        std::uint64_t number;
        task what;
    };
    static bool later(const planned& a, const planned& b) {
        return a.at_us != b.at_us ? a.at_us > b.at_us : a.number > b.number;
    }

    prng random_;
    bool print_;
    std::int64_t now_us_ = 0;
    std::uint64_t next_number_ = 0;
    std::uint64_t steps_ = 0;
    std::vector<planned> planned_; // a heap
    std::uint64_t hash_ = 0xcbf29ce484222325ULL;
    fault_counts faults_{};
};

} // namespace wharf::sim
