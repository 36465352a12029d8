// When two events look like one pull of a scanner's trigger: same device, same code, same place and
// task, same kind. What was counted or how much does not matter. Any thread.
#pragma once

#include "wharf/v1/event.pb.h"

#include <string>
#include <string_view>

namespace wharf {

namespace flat {
class event_view;
}

[[nodiscard]] std::string trigger_key_of(const wharf::v1::Event& event, std::string_view device);
[[nodiscard]] std::string trigger_key_of(const flat::event_view& event, std::string_view device);

} // namespace wharf
