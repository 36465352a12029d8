// The keys about TLS, of the listener and of a destination, and checks that others need too. Only
// for this module.
#pragma once

#include "gateway/config/config.hpp"
#include "gateway/config/section.hpp"

namespace wharf::config_detail {

// What is wrong with it, or empty.
[[nodiscard]] std::string check_address(std::string_view text);

// Whether devices may come without TLS, and [listener.tls].
void read_listener_tls(section& in, listener_config& to);
// has_url: the destination's url could be read.
void read_destination_tls(section& in, destination_config& to, bool has_url);

} // namespace wharf::config_detail
