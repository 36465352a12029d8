// The operating system's clocks and randomness. Any thread.
#pragma once

#include "gateway/ports/clock.hpp"
#include "gateway/ports/random.hpp"

#include <atomic>
#include <cstdint>
#include <limits>

namespace wharf {

class system_clock : public clock_port {
  public:
    std::int64_t wall_us() override;
    std::int64_t monotonic_us() override; // does count time in suspend
    // As the kernel's clock discipline says; it is asked once a second.
    bool wall_synchronised() override;

  private:
    std::atomic<std::int64_t> asked_us_{std::numeric_limits<std::int64_t>::min() / 2};
    std::atomic<bool> synchronised_{false};
};

class system_random : public random_port {
  public:
    std::uint64_t next() override;
};

} // namespace wharf
