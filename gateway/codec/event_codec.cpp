#include "gateway/codec/event_codec.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/codec/cloudevents.hpp"
#include "gateway/codec/json_codec.hpp"
#include "gateway/codec/protobuf_codec.hpp"
#include "gateway/codec/wire_bytes.hpp"

#include <array>

namespace wharf {

namespace {

constexpr std::array<std::string_view, 4> k_codec_names = {"json", "protobuf", "protobuf_batch",
                                                           "cloudevents"};

class event_sink final : public json_sink {
  public:
    google::protobuf::Message* begin() override {
        if (events_.size() == limits::k_events_per_message_max) return nullptr;
        event_.Clear();
        return &event_;
    }
    void finish(status how) override {
        if (how.ok()) {
            events_.emplace_back(std::move(event_));
        } else {
            events_.emplace_back(std::move(how).failure());
        }
    }
    [[nodiscard]] decoded_events take() { return std::move(events_); }

  private:
    wharf::v1::Event event_;
    decoded_events events_;
};

result<decoded_events> decode_json(std::string_view payload) {
    event_sink sink;
    auto how = messages_from_json(payload, sink);
    if (how.ok()) return sink.take();
    if (how.failure().code == errc::too_large) return too_many_events();
    return std::move(how).failure();
}

result<decoded_events> decode_single(std::string_view payload) {
    decoded_events events;
    events.push_back(event_from_protobuf(payload));
    if (!events.front() && events.front().failure().code == errc::corrupt)
        return std::move(events.front()).failure();
    return events;
}

} // namespace

std::string_view to_string(codec_kind kind) noexcept {
    return k_codec_names[static_cast<std::size_t>(kind)];
}

std::optional<codec_kind> codec_from_name(std::string_view name) noexcept {
    for (std::size_t i = 0; i < k_codec_names.size(); ++i)
        if (k_codec_names[i] == name) return static_cast<codec_kind>(i);
    return std::nullopt;
}

result<decoded_events> decode(codec_kind kind, std::string_view payload) {
    if (kind == codec_kind::cloudevents) return decode_cloudevents({payload, {}, {}});
    if (payload.empty()) return error{errc::invalid, "the payload is empty"};
    auto events = kind == codec_kind::json       ? decode_json(payload)
                  : kind == codec_kind::protobuf ? decode_single(payload)
                                                 : events_from_protobuf_batch(payload);
    if (events.ok() && events->empty())
        return error{errc::invalid, "expected at least one event, got none"};
    return events;
}

std::optional<std::vector<std::string_view>> split_batch(std::string_view payload) {
    constexpr std::uint64_t k_tag =
        (wharf::v1::EventBatch::kEventsFieldNumber << 3) | wire::k_delimited;
    std::vector<std::string_view> out;
    const char* at = payload.data();
    const char* const end = at + payload.size();
    while (at != end) {
        std::uint64_t tag = 0;
        std::uint64_t size = 0;
        if (!wire::take_varint(at, end, tag) || tag != k_tag || !wire::take_varint(at, end, size) ||
            size > static_cast<std::uint64_t>(end - at) ||
            out.size() == limits::k_events_per_message_max)
            return std::nullopt;
        out.emplace_back(at, static_cast<std::size_t>(size));
        at += size;
    }
    if (out.empty()) return std::nullopt;
    return out;
}

lane lane_of(const wharf::v1::Event& event) noexcept {
    return lane_of(event.body_case());
}

lane lane_of(wharf::v1::Event::BodyCase body) noexcept {
    switch (body) {
    case wharf::v1::Event::kPacked:
    case wharf::v1::Event::kShipped:
    case wharf::v1::Event::kMilestone:
        return lane::shipment;
    case wharf::v1::Event::kInventoryCounted:
        return lane::count;
    default:
        break;
    }
    WHARF_ASSERT(body != wharf::v1::Event::BODY_NOT_SET);
    return lane::inventory;
}

} // namespace wharf
