// The simulator's only source of chance: splitmix64, the same on every machine. Each concern has a
// stream of its own, so that a draw more in one does not change the others. One thread.
#pragma once

#include "gateway/base/assert.hpp"

#include <cstddef>
#include <cstdint>

namespace wharf::sim {

class prng {
  public:
    explicit prng(std::uint64_t seed) : state_(mix(seed + 0x9e3779b97f4a7c15ULL)) {}
    [[nodiscard]] prng split(std::uint64_t concern) const {
        return prng(mix(state_ ^ (concern * 0xd1342543de82ef95ULL)));
    }

    std::uint64_t next() { return mix(state_ += 0x9e3779b97f4a7c15ULL); }
    // Of [0, bound).
    std::uint64_t below(std::uint64_t bound) {
        WHARF_ASSERT(bound > 0);
        return next() % bound;
    }
    // Of [low, high].
    std::int64_t between(std::int64_t low, std::int64_t high) {
        return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
    }
    // So many times in ten thousand.
    bool chance(std::uint32_t per_10000) { return per_10000 > 0 && below(10'000) < per_10000; }
    template <class List> const auto& pick(const List& list) { return list[below(list.size())]; }

  private:
    static std::uint64_t mix(std::uint64_t z) {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }
    std::uint64_t state_;
};

} // namespace wharf::sim
