// One seed: a warehouse for a while, with everything that goes wrong in it; then everything is
// healed, drained and judged. Entry point of the simulator. One thread; deterministic.
#pragma once

#include "tests/sim/faults.hpp"

#include <cstdint>
#include <string>

namespace wharf::sim {

struct outcome {
    bool good = true;
    std::string checker; // where not
    std::string words;
    std::uint64_t hash = 0;
    std::uint64_t events = 0; // accepted
    std::uint64_t steps = 0;
    fault_counts faults{};
};

// print: every line of the trace goes to the standard output.
[[nodiscard]] outcome simulate(std::uint64_t seed, bool print = false);

} // namespace wharf::sim
