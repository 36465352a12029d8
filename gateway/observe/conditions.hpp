// What is not as it should be, by a snapshot: what alarms and health are made of. Pure; any thread.
#pragma once

#include "gateway/observe/snapshot.hpp"

#include <vector>

namespace wharf::observe {

[[nodiscard]] std::vector<condition> conditions_of(const gateway_snapshot& now);

} // namespace wharf::observe
