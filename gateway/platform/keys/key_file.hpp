// Private keys in files. A key that others may read is refused. Any thread.
#pragma once

#include "gateway/ports/keys.hpp"

#include <string>

namespace wharf {

// Mode 0600 or less.
result<private_key> read_key_file(const std::string& path);
// Makes one where there is none yet; never replaces one.
result<private_key> read_or_make_key_file(const std::string& path);
// It is written over and removed, durably; well where there is none. A flash may keep what was
// written over: what nobody believes any more need not be gone.
status destroy_key_file(const std::string& path);
// Public keys: anybody may read them.
result<public_key> read_public_key_file(const std::string& path);

} // namespace wharf
