// A configuration as it may be shown to who helps from afar. Pure; any thread.
#pragma once

#include "gateway/base/result.hpp"

#include <string>
#include <string_view>

namespace wharf {

// The same in TOML, its keys in order, without comments: what is a secret by its key's name
// (password, secret, token, but not the file that holds it) or stands before the host of a URL is
// replaced by "left out".
[[nodiscard]] result<std::string> without_secrets(std::string_view text,
                                                  std::string_view file_name);

} // namespace wharf
