// Randomness for names and jitter.
#pragma once

#include <cstdint>

namespace wharf {

class random_port {
  public:
    virtual ~random_port() = default;
    virtual std::uint64_t next() = 0;
};

} // namespace wharf
