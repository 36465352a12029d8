// What is in quarantine, as data. Any thread.
#pragma once

#include "gateway/journal/inspect.hpp"

#include <nlohmann/json_fwd.hpp>

namespace wharf::views {

// `whole`: with the payload, in hexadecimal digits.
[[nodiscard]] nlohmann::ordered_json quarantine_json(const quarantine_entry& entry, bool whole);

} // namespace wharf::views
