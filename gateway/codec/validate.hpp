// The rules an event keeps, as protos/wharf/v1/event.proto states them field by field. Any thread,
// no state. A broken rule is an error that names the field's path and what was expected.
#pragma once

#include "gateway/base/result.hpp"
#include "wharf/v1/event.pb.h"

#include <string_view>

namespace wharf {

namespace flat {
class event_view;
}

// Checks the event and brings it to its canonical form in place: source, site, unit and status are
// filled in where they have a default, a move's destination from its origin, decimals lose trailing
// zeros. Validating a valid event again changes nothing. After an error the event is unusable.
[[nodiscard]] status validate(wharf::v1::Event& event, std::string_view site,
                              std::string_view device);
// The same for one that flat_message::read() took. Site and device must outlive it.
[[nodiscard]] status validate(flat::event_view& event, std::string_view site,
                              std::string_view device);

// UTF-8, at least one byte, at most limits::k_identifier_bytes_max, no control characters: what
// names a site, a device or a stream. (Inside an event, both codecs have already refused what is
// not UTF-8.)
[[nodiscard]] status check_name(std::string_view what, std::string_view name);

// For what MQTT says about an event that says nothing itself. (Traces: trace_context.hpp.)
[[nodiscard]] bool is_correlation_id(std::string_view text) noexcept;

} // namespace wharf
