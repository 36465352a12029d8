// The ring's device as a file of zeros written in advance, so that a record changes nothing but its
// own blocks: no size, no map of the file. Written past the page cache, each write durable when it
// returns (O_DIRECT, O_DSYNC); where the file system refuses the first, with the second alone.
//
// One thread. A failed write leaves its outcome unknown.
#pragma once

#include "gateway/platform/file.hpp"
#include "gateway/ports/log_device.hpp"

#include <cstdlib>
#include <memory>
#include <string>

namespace wharf {

class ring_file final : public log_device {
  public:
    enum class access { read_write, read_only };

    // A file that is not there is a device of no bytes.
    [[nodiscard]] static result<std::unique_ptr<ring_file>> open(std::string path, access how);

    [[nodiscard]] std::uint64_t size_bytes() const override { return size_bytes_; }
    result<std::string> read(std::uint64_t offset, std::size_t size_bytes) override;
    status write_durable(std::uint64_t offset, std::string_view bytes) override;
    status recreate(std::uint64_t size_bytes) override;

    // False: the file system refuses O_DIRECT, and each record also goes through the page cache.
    [[nodiscard]] bool is_direct() const { return direct_; }

  private:
    ring_file(std::string path, access how) : path_(std::move(path)), access_(how) {}
    status open_file();
    status make_file(std::uint64_t size_bytes);
    char* buffer(std::size_t size_bytes);

    struct freer {
        void operator()(void* memory) const { std::free(memory); }
    };

    const std::string path_;
    const access access_;
    fd_guard fd_{-1};
    std::uint64_t size_bytes_ = 0;
    bool direct_ = false;
    std::unique_ptr<char, freer> buffer_; // aligned for direct writes
    std::size_t buffer_bytes_ = 0;
};

} // namespace wharf
