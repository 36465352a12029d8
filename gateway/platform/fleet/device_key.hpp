// The gateway's key in its file, and beside it how it came from those before. Rotated so that a
// process that ends at any time leaves exactly one key that holds: the one under the file's name.
// One thread at a time.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/manage/succession.hpp"
#include "gateway/ports/keys.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace wharf {

struct device_key {
    private_key key;
    manage::successions former;
    std::string note; // what somebody should read in the log; empty: nothing
};

class device_key_files {
  public:
    explicit device_key_files(std::string path) : path_(std::move(path)) {}

    // Reads the key, or makes it where there is none. What a rotation that was interrupted left is
    // taken away.
    [[nodiscard]] result<device_key> open() const;
    // `now` is what open() or this gave. The next key is on the disk, then the former one's word
    // for it, then it takes its place. Ordered again by the same command, it is as it is.
    [[nodiscard]] result<device_key> rotate(const device_key& now, std::string_view command,
                                            std::int64_t at_us) const;

    // What a rotation may have left besides goes with it.
    [[nodiscard]] status destroy() const;

    [[nodiscard]] std::string next_path() const { return path_ + ".next"; }
    [[nodiscard]] std::string succession_path() const { return path_ + ".succession"; }

  private:
    [[nodiscard]] manage::successions read_successions(const private_key& key,
                                                       std::string& note) const;
    std::string path_;
};

} // namespace wharf
