// A password from the person at the terminal, which does not show it, or from a pipe: the first
// line of standard input. Never from a command line, which every process of the machine can read.
#pragma once

#include "gateway/base/result.hpp"

#include <string>
#include <string_view>

namespace wharf::access {

// Asks twice at a terminal. errc::invalid where the two differ or nothing comes.
[[nodiscard]] result<std::string> read_password(std::string_view prompt);

} // namespace wharf::access
