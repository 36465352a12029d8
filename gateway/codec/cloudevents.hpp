// CloudEvents 1.0 whose data is a canonical event (docs/formats/cloudevents.md): structured JSON,
// one or a batch, and the binary mode of MQTT 5. Sources: CloudEvents 1.0.2, its JSON event
// format 1.0.2 and its MQTT protocol binding 1.0.2. Any thread, no state. Failures name the
// attribute, or the field below "data", and what was expected there.
#pragma once

#include "gateway/codec/event_codec.hpp"

#include <span>
#include <string_view>

namespace wharf {

struct cloudevents_message {
    std::string_view payload;
    std::string_view content_type = {};
    std::span<const message_property> properties = {};
};

// A content type of the structured mode, or one that means to be (application/cloudevents...).
[[nodiscard]] bool is_cloudevents_type(std::string_view content_type) noexcept;

// One to limits::k_events_per_message_max events, read and not yet validated. Structured where the
// content type says so, binary where there is a property "specversion", else structured, one or a
// batch: as in MQTT 3.1.1.
[[nodiscard]] result<decoded_events> decode_cloudevents(const cloudevents_message& message);

} // namespace wharf
