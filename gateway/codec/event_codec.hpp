// A message's payload taken apart into canonical events. Any thread, no state. One event that
// cannot be read does not take the others with it; a payload that cannot be taken apart is one
// failure.
#pragma once

#include "gateway/base/lane.hpp"
#include "gateway/base/result.hpp"
#include "wharf/v1/event.pb.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace wharf {

enum class codec_kind : std::uint8_t {
    json,           // one event, or an array of them
    protobuf,       // one Event
    protobuf_batch, // one EventBatch
    cloudevents,    // CloudEvents that hold one event each: cloudevents.hpp
};

[[nodiscard]] std::string_view to_string(codec_kind kind) noexcept;
[[nodiscard]] std::optional<codec_kind> codec_from_name(std::string_view name) noexcept;

using decoded_events = std::vector<result<wharf::v1::Event>>;

// What came beside the payload (MQTT 5).
struct message_property {
    std::string_view name;
    std::string_view value;
};

// One to limits::k_events_per_message_max events, in the payload's order. Read, not yet validated.
[[nodiscard]] result<decoded_events> decode(codec_kind kind, std::string_view payload);

// The events' bytes, one after the other, without looking into them; the bytes are the payload's.
// Nothing where the batch cannot be taken apart, or has too many: decode() says why.
[[nodiscard]] std::optional<std::vector<std::string_view>> split_batch(std::string_view payload);

// Where an event queues for delivery. REQUIRES: it has a body.
[[nodiscard]] lane lane_of(const wharf::v1::Event& event) noexcept;
[[nodiscard]] lane lane_of(wharf::v1::Event::BodyCase body) noexcept;

} // namespace wharf
