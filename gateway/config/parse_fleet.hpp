// How [fleet] and [device] are read. Pure; any thread.
#pragma once

#include "gateway/config/config.hpp"
#include "gateway/config/section.hpp"

namespace wharf::config_detail {

void read_fleet(section in, const gateway_config& gateway, fleet_config& to);
void read_device(section in, device_config& to);

} // namespace wharf::config_detail
