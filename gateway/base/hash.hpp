// Fast hashes whose values are the same on every machine and in every version (XXH3, the
// XXH_VERSION 0.8 specification), so that they may be stored. Not for anything an attacker gains by
// colliding: such comparisons are confirmed on the full bytes. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace wharf {

[[nodiscard]] std::uint64_t hash64(std::string_view bytes) noexcept;
// 16 bytes, in the canonical (big-endian) order.
[[nodiscard]] std::array<char, 16> hash128(std::string_view bytes) noexcept;

} // namespace wharf
