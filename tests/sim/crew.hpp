// Seeds in child processes: a broken invariant, a crash or a hang ends one child, is reported for
// the seed that it was at, and the others go on. Outcomes arrive in no particular order.
#pragma once

#include "tests/sim/simulation.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace wharf::sim {

struct seed_range {
    std::uint64_t from = 1;
    std::uint64_t count = 0;
};

// Says whether to go on. Runs in the caller's process.
using on_outcome = std::function<bool(std::uint64_t seed, const outcome&)>;

void run_seeds(seed_range seeds, unsigned jobs, const on_outcome& tell);

} // namespace wharf::sim
