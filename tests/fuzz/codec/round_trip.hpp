// What holds for every event that was read and is valid: it is the same through every codec, and
// validating it again changes nothing.
#pragma once

#include "gateway/codec/event_codec.hpp"
#include "gateway/codec/json_codec.hpp"
#include "gateway/codec/validate.hpp"

#include <cstdint>
#include <string>

namespace wharf::fuzz {

inline std::string json_of(const wharf::v1::Event& event) {
    std::string out;
    message_to_json(event, out);
    return out;
}

inline void check_round_trip(wharf::v1::Event event) {
    if (!validate(event, "ber1", "device").ok()) return;
    const auto json = json_of(event);
    const auto bytes = event.SerializeAsString();

    auto from_json = decode(codec_kind::json, json);
    WHARF_ASSERT(from_json.ok() && from_json->size() == 1 && from_json->front().ok());
    WHARF_ASSERT(from_json->front()->SerializeAsString() == bytes);
    auto from_bytes = decode(codec_kind::protobuf, bytes);
    WHARF_ASSERT(from_bytes.ok() && from_bytes->front().ok());
    WHARF_ASSERT(json_of(*from_bytes->front()) == json);

    auto& again = *from_json->front();
    WHARF_ASSERT(validate(again, "ber1", "device").ok());
    WHARF_ASSERT(again.SerializeAsString() == bytes);
    static_cast<void>(lane_of(again));
}

inline void check_all(const result<decoded_events>& events) {
    if (!events.ok()) {
        WHARF_ASSERT(!events.failure().message.empty());
        return;
    }
    for (const auto& each : *events) {
        if (each.ok()) {
            check_round_trip(*each);
        } else {
            WHARF_ASSERT(!each.failure().message.empty());
        }
    }
}

inline std::string_view view_of(const std::uint8_t* data, std::size_t size) noexcept {
    return {reinterpret_cast<const char*>(data), size};
}

} // namespace wharf::fuzz
