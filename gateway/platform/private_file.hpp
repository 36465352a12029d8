// Files that not everybody may read: their rights are checked before their content is believed, and
// they are replaced as a whole, durably. Any thread.
#pragma once

#include "gateway/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace wharf {

struct private_file_rules {
    std::uint32_t mode_most = 0600; // more rights than these are an error
    std::size_t bytes_max = 0;
    std::string_view because; // why not everybody may: ends the error's sentence
};

result<std::string> read_private_file(const std::string& path, const private_file_rules& rules);

struct file_owner {
    std::uint32_t user = 0;
    std::uint32_t group = 0;
};

// After it returns well the new content is there after a power cut too, before that the old one.
// Nothing for `owner`: as the process.
status replace_private_file(const std::string& path, std::string_view content, std::uint32_t mode,
                            std::optional<file_owner> owner = std::nullopt);

// For a change that depends on what the file held: nobody who does the same for a file of this
// folder is in between, in another process either. Waits for its turn.
status with_folder_locked(const std::string& path, const std::function<status()>& change);

} // namespace wharf
