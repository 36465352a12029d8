// Which gateways are meant by --on and --from. Pure; any thread.
#pragma once

#include "gateway/base/result.hpp"
#include "wharf/v1/fleet.pb.h"

#include <string>
#include <string_view>
#include <vector>

namespace wharf::ctl {

inline constexpr std::string_view k_selectors =
    "site=, gateway=, tag=, health=, software= with * for any text, or configuration= with a "
    "version or the beginning of an overlay's sha256";

// * stands for any text.
[[nodiscard]] bool fits_glob(std::string_view pattern, std::string_view text);
// Whether it fits all of them; an error where one makes no sense.
[[nodiscard]] result<bool> fits(const wharf::v1::GatewayState& state,
                                const std::vector<std::string>& selectors);

} // namespace wharf::ctl
