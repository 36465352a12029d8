// Who may sign in, for people and for programs: never a password, nor what it is checked against.
// Any thread.
#pragma once

#include "gateway/access/identity.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace wharf::views {

// By what it signs in, in words.
[[nodiscard]] std::string proof_text(const access::identity& one);
[[nodiscard]] nlohmann::ordered_json device_json(const access::identity& one);

} // namespace wharf::views
