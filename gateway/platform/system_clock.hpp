// The operating system's clocks and randomness. Any thread.
#pragma once

#include "gateway/ports/clock.hpp"
#include "gateway/ports/random.hpp"

namespace wharf {

class system_clock : public clock_port {
  public:
    std::int64_t wall_us() override;
    std::int64_t monotonic_us() override; // does count time in suspend
    bool wall_synchronised() override;    // as the kernel's clock discipline says
};

class system_random : public random_port {
  public:
    std::uint64_t next() override;
};

} // namespace wharf
