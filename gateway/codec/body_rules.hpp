// What each kind of event asks of its own fields. Used by validate alone, after every field was
// found well formed by itself. Any thread.
#pragma once

#include "gateway/base/result.hpp"
#include "wharf/v1/event.pb.h"

#include <string_view>

namespace wharf {

namespace flat {
class event_view;
}

// Checks the body and fills in what has a default.
[[nodiscard]] status check_body(wharf::v1::Event& event, std::string_view site);
[[nodiscard]] status check_body(flat::event_view& event, std::string_view site);

} // namespace wharf
