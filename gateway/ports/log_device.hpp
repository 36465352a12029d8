// A device of a fixed size that keeps what it said it wrote: what the write-ahead ring stands on.
// gateway/platform/ring_file.* is the real one; tests/support has a model.
//
// One thread. At most one write is ever under way, so that after a power cut only the blocks of the
// last one can be old, new or damaged, each by itself.
#pragma once

#include "gateway/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace wharf {

class log_device {
  public:
    virtual ~log_device() = default;

    // 0 where there is no device yet.
    [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;

    // REQUIRES: offset and size are multiples of 4096 and inside the device.
    virtual result<std::string> read(std::uint64_t offset, std::size_t size_bytes) = 0;

    // On stable storage when it returns. After a failure nobody knows what is there: the process is
    // to be stopped, as after a commit whose outcome is unknown.
    // REQUIRES: offset and size are multiples of the ring's block size and inside the device.
    virtual status write_durable(std::uint64_t offset, std::string_view bytes) = 0;

    // Anew, all zeros, on stable storage; 0 takes it away. What it held is lost.
    virtual status recreate(std::uint64_t size_bytes) = 0;
};

} // namespace wharf
