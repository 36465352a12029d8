// When to try again: exponential back-off with full jitter, and a circuit breaker per destination.
// Pure; time and randomness come in. One thread; cannot fail.
#pragma once

#include <cstdint>

namespace wharf {

// splitmix64: enough for jitter, the same on every machine.
class jitter {
  public:
    explicit jitter(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next();
    // Of [0, bound).
    std::int64_t below(std::int64_t bound);

  private:
    std::uint64_t state_;
};

// A wait before attempt number `attempt` + 1 (the first failure is 1): anywhere in
// (0, min(cap, base * 2^(attempt - 1))].
[[nodiscard]] std::int64_t backoff_us(jitter& random, std::int64_t base_us, std::int64_t cap_us,
                                      std::uint32_t attempt);

enum class circuit_state : std::uint8_t { closed, open, half_open };

class circuit_breaker {
  public:
    circuit_breaker(std::uint32_t failures_max, std::int64_t base_us, std::int64_t cap_us)
        : failures_max_(failures_max), base_us_(base_us), cap_us_(cap_us) {}

    // `which` tells different keys apart: failures of one alone do not open the circuit.
    void on_failure(std::uint64_t which, bool several_keys, std::int64_t now_us, jitter& random);
    // The destination works, whatever it said.
    void on_success();

    [[nodiscard]] circuit_state state(std::int64_t now_us) const;
    [[nodiscard]] std::int64_t open_until_us() const { return open_until_us_; }

  private:
    std::uint32_t failures_max_;
    std::int64_t base_us_;
    std::int64_t cap_us_;
    std::uint32_t failures_ = 0;
    std::uint32_t openings_ = 0;
    std::uint64_t first_which_ = 0;
    bool across_keys_ = false;
    std::int64_t open_until_us_ = 0;
};

} // namespace wharf
