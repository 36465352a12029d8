// The journal's number of an accepted event: from 1, rising, without gaps.
#pragma once

#include <cstdint>

namespace wharf {

using sequence = std::uint64_t;

inline constexpr sequence k_no_sequence = 0;

} // namespace wharf
