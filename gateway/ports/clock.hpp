// Time, as the shell sees it. The pure machines take times as parameters instead.
#pragma once

#include <cstdint>

namespace wharf {

class clock_port {
  public:
    virtual ~clock_port() = default;
    // Microseconds since 1970-01-01T00:00:00Z by the wall clock. May jump either way.
    virtual std::int64_t wall_us() = 0;
    // Microseconds since some start. Never goes back.
    virtual std::int64_t monotonic_us() = 0;
    // Whether the operating system says that the wall clock is synchronised.
    virtual bool wall_synchronised() = 0;
};

} // namespace wharf
