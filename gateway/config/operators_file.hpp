// The first operators of a gateway, as a file: names, roles, public keys in PEM, and which commands
// two have to sign. docs/fleet.md has an example. Pure; any thread.
#pragma once

#include "gateway/base/result.hpp"
#include "wharf/v1/fleet.pb.h"

#include <string_view>

namespace wharf {

// With all that is wrong in its form, one line each; whether the keys are keys is
// manage::roster's to say.
[[nodiscard]] result<wharf::v1::OperatorRoster> parse_operators(std::string_view text,
                                                                std::string_view file_name);

} // namespace wharf
