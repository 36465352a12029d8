// Reads and checks a configuration as a whole: either every key of it is usable, or the error lists
// everything that is wrong with it, one line each:
//
//     wharf.toml:12: destination[0].batch_max_items: expected a whole number from 1 to 1000, found
//     0
//
// Pure: it opens no file, neither the configuration nor what it names. Any thread.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/config/config.hpp"

#include <string_view>

namespace wharf {

// file_name is only for the messages. Fails with errc::invalid (or errc::too_large) and all errors
// in the message, in the order of their lines, at most limits::k_config_errors_max of them.
[[nodiscard]] result<config> parse_config(std::string_view text, std::string_view file_name);

} // namespace wharf
