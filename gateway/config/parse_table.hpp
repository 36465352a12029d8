// A configuration that has been read as TOML already. Only for this module.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/config/config.hpp"
#include "gateway/config/section.hpp"

namespace wharf::config_detail {

[[nodiscard]] result<config> parse_table(const toml::table& document, findings& found);

} // namespace wharf::config_detail
