// Events from protobuf bytes, strictly: protobuf itself drops what it does not know and lets the
// last of two bodies win, which would leave half a fact. Any thread, no state; used by event_codec.
#pragma once

#include "gateway/codec/event_codec.hpp"

namespace wharf {

// errc::corrupt where the bytes are not an Event at all, errc::invalid where they hold an unknown
// field (named by its parent and number) or two bodies.
[[nodiscard]] result<wharf::v1::Event> event_from_protobuf(std::string_view bytes);

// Fails as a whole only where the batch cannot be taken apart.
[[nodiscard]] result<decoded_events> events_from_protobuf_batch(std::string_view bytes);

[[nodiscard]] error too_many_events();

} // namespace wharf
