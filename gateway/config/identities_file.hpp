// The identities file: who may sign in by MQTT, one [[identity]] each, in TOML. docs/access.md says
// what each key means. Either every entry is usable, or the error lists everything that is wrong,
// one line each; never a password. Pure: the caller reads the file. Any thread.
#pragma once

#include "gateway/access/identity.hpp"
#include "gateway/base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace wharf {

// In the order of the file. file_name is only for the messages. errc::invalid or errc::too_large.
[[nodiscard]] result<std::vector<access::identity>> parse_identities(std::string_view text,
                                                                     std::string_view file_name);

// One entry as it is written into the file, with an empty line in front of it.
[[nodiscard]] std::string identity_text(const access::identity& one);

} // namespace wharf
