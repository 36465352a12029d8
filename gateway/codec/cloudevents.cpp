#include "gateway/codec/cloudevents.hpp"

#include "gateway/codec/cloudevents_reader.hpp"
#include "gateway/codec/json_codec.hpp"
#include "gateway/codec/protobuf_codec.hpp"
#include "gateway/codec/wire_values.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace wharf {

namespace {

constexpr std::string_view k_structured = "application/cloudevents";
constexpr std::string_view k_one = "application/cloudevents+json";
constexpr std::string_view k_batch = "application/cloudevents-batch+json";

bool same(char a, char b) {
    return a == b || (a >= 'A' && a <= 'Z' && a - 'A' + 'a' == b);
}

// The media type without parameters is this one, in whatever case.
bool is_type(std::string_view content_type, std::string_view type) {
    if (content_type.size() < type.size() ||
        !std::equal(type.begin(), type.end(), content_type.begin(),
                    [](char ours, char theirs) { return same(theirs, ours); }))
        return false;
    const auto rest = content_type.substr(type.size());
    return rest.empty() || rest.front() == ';' || rest.front() == ' ' || rest.front() == '\t';
}

result<decoded_events> decode_structured(std::string_view payload, cloudevents_reader::root shape) {
    // The parser would skip it without a word.
    if (payload.starts_with("\xef\xbb\xbf"))
        return error{errc::invalid, "not valid JSON at byte 1: it starts with a byte order mark"};
    cloudevents_reader reader(shape);
    nlohmann::json::sax_parse(payload.begin(), payload.end(), &reader);
    if (reader.refused()) return *reader.refused();
    auto events = reader.take();
    if (events.empty()) return error{errc::invalid, "expected at least one CloudEvent, got none"};
    return events;
}

result<wharf::v1::Event> decode_binary(const cloudevents_message& message) {
    cloudevent_attributes attributes;
    constexpr std::string_view k_content = "datacontenttype";
    if (!message.content_type.empty()) {
        WHARF_TRY(attributes.note(k_content));
        WHARF_TRY(attributes.set(k_content, message.content_type));
    }
    for (const auto& [name, value] : message.properties) {
        // Others are the transport's or somebody else's.
        if (!cloudevent_attributes::is_name(name)) continue;
        WHARF_TRY(attributes.note(name));
        WHARF_TRY(attributes.set(name, value));
    }
    WHARF_TRY(attributes.check());
    WHARF_TRY_ASSIGN(const auto format, attributes.format());
    auto event = event_from_data(format, message.payload);
    if (!event.ok()) return std::move(event).failure().in("data");
    WHARF_TRY(attributes.apply_to(*event));
    return event;
}

} // namespace

bool is_cloudevents_type(std::string_view content_type) noexcept {
    return content_type.size() >= k_structured.size() &&
           std::equal(k_structured.begin(), k_structured.end(), content_type.begin(),
                      [](char ours, char theirs) { return same(theirs, ours); });
}

result<wharf::v1::Event> event_from_data(data_format format, std::string_view bytes) {
    if (bytes.empty()) return error{errc::invalid, "expected the event, got nothing"};
    if (format == data_format::protobuf) return event_from_protobuf(bytes);
    wharf::v1::Event event;
    WHARF_TRY(message_from_json(bytes, event));
    return event;
}

result<decoded_events> decode_cloudevents(const cloudevents_message& message) {
    using root = cloudevents_reader::root;
    if (message.payload.empty()) return error{errc::invalid, "the payload is empty"};
    if (is_type(message.content_type, k_one))
        return decode_structured(message.payload, root::object);
    if (is_type(message.content_type, k_batch))
        return decode_structured(message.payload, root::array);
    if (is_cloudevents_type(message.content_type))
        return error{errc::unsupported, "content type: expected " + std::string(k_one) + " or " +
                                            std::string(k_batch) + ", got " +
                                            quoted(message.content_type)};
    const bool binary =
        std::any_of(message.properties.begin(), message.properties.end(),
                    [](const message_property& each) { return each.name == "specversion"; });
    if (!binary) return decode_structured(message.payload, root::either);
    decoded_events events;
    events.push_back(decode_binary(message));
    return events;
}

} // namespace wharf
