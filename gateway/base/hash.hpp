// A fast 64-bit hash whose values are the same on every machine and in every version (XXH3-64, the
// XXH_VERSION 0.8 specification), so that they may be stored. Not for anything an attacker gains by
// colliding: such comparisons are confirmed on the full bytes. Any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace wharf {

[[nodiscard]] std::uint64_t hash64(std::string_view bytes) noexcept;

} // namespace wharf
