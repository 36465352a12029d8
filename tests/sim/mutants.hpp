// Planting faults in the machines and seeing whether they are noticed. Only the program that was
// built with WHARF_MUTANTS has any.
#pragma once

#include <cstdint>
#include <string_view>

namespace wharf::sim {

// False where this program has no such mutant.
bool plant(std::string_view name);

// Each mutant, from this seed on until it is noticed, at most `bound` seeds; a table goes to the
// standard output. Returns 0 where all were noticed and the unchanged machines pass.
int hunt_mutants(std::uint64_t from, std::uint64_t bound, unsigned jobs);

} // namespace wharf::sim
