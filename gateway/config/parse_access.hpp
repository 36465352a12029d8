// The settings about who may come in and how much may come. Only for this module.
#pragma once

#include "gateway/config/config.hpp"
#include "gateway/config/section.hpp"

namespace wharf::config_detail {

// The listener has been read: whom it may let in depends on where it listens.
void read_access(section& root, config& to);
void read_limits(section in, limits_config& to);

// What is wrong with a right, or nothing: a topic filter with {user}, {client} and {site}.
[[nodiscard]] std::string check_right(std::string_view text);

} // namespace wharf::config_detail
