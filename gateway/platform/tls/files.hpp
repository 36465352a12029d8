// The files that a TLS side is made of, and whether they have changed. Any thread.
#pragma once

#include "gateway/base/result.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace wharf::tls {

// Paths; empty: none. All in PEM.
struct file_names {
    std::string certificate; // ours, then those between it and the root
    std::string key;
    std::string trusted; // the authorities that may sign the peer's
    std::string revoked; // their revocation lists
};

// What stands in them. The key is wiped when it goes.
struct file_contents {
    std::string certificate;
    std::string key;
    std::string trusted;
    std::string revoked;

    file_contents() = default;
    file_contents(file_contents&&) = default;
    file_contents& operator=(file_contents&&) = default;
    file_contents(const file_contents&) = delete;
    file_contents& operator=(const file_contents&) = delete;
    ~file_contents();
};

// errc::not_found or errc::io with the path; errc::too_large above limits::k_tls_file_bytes_max.
[[nodiscard]] result<file_contents> read_files(const file_names& from);

// Changes when one of the files is written or replaced.
class file_stamps {
  public:
    [[nodiscard]] static file_stamps of(const file_names& files);
    bool operator==(const file_stamps&) const = default;

  private:
    struct stamp {
        std::int64_t changed_ns = 0;
        std::uint64_t inode = 0;
        std::uint64_t size = 0;
        bool operator==(const stamp&) const = default;
    };
    std::array<stamp, 4> of_{};
};

} // namespace wharf::tls
