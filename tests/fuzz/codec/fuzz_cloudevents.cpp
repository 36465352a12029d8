// A message that may be CloudEvents: its content type up to the first line feed, its user
// properties as "name value" lines up to an empty one, then its payload. What is an event alone is
// the same event as the data of a CloudEvent, in each mode.
#include "gateway/codec/base64.hpp"
#include "gateway/codec/cloudevents.hpp"
#include "tests/fuzz/codec/round_trip.hpp"

#include <google/protobuf/stubs/logging.h>

#include <vector>

namespace {

using wharf::message_property;

constexpr std::string_view k_head = R"({"specversion":"1.0","id":"i","source":"s","type":"t",)";

std::string_view line_of(std::string_view& input) {
    const auto end = std::min(input.find('\n'), input.size());
    const auto line = input.substr(0, end);
    input.remove_prefix(std::min(end + 1, input.size()));
    return line;
}

void same_event(const wharf::result<wharf::decoded_events>& read, const wharf::v1::Event& as) {
    WHARF_ASSERT(read.ok() && read->size() == 1 && read->front().ok());
    WHARF_ASSERT(read->front()->SerializeAsString() == as.SerializeAsString());
}

void check_wrapped(std::string_view payload) {
    auto plain = wharf::decode(wharf::codec_kind::json, payload);
    if (!plain.ok() || plain->size() != 1 || !plain->front().ok()) return;
    auto event = std::move(*plain->front());
    event.clear_event_id();
    event.clear_source();
    if (!wharf::validate(event, "ber1", "device").ok()) return;
    event.set_source("s");
    const auto json = wharf::fuzz::json_of(event);
    event.set_event_id("i");
    const std::string head(k_head);
    same_event(wharf::decode_cloudevents({head + "\"data\":" + json + "}"}), event);
    std::string base64;
    wharf::append_base64(json, base64);
    same_event(wharf::decode_cloudevents({head + "\"data_base64\":\"" + base64 + "\"}"}), event);
    const message_property properties[] = {
        {"specversion", "1.0"}, {"id", "i"}, {"source", "s"}, {"type", "t"}};
    same_event(wharf::decode_cloudevents({json, "application/json", properties}), event);
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    google::protobuf::SetLogHandler(nullptr); // it reports text that is not UTF-8
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto input = wharf::fuzz::view_of(data, size);
    const auto content_type = line_of(input);
    std::vector<message_property> properties;
    while (!input.empty()) {
        const auto line = line_of(input);
        if (line.empty()) break;
        const auto space = std::min(line.find(' '), line.size());
        properties.push_back(
            {line.substr(0, space), line.substr(std::min(space + 1, line.size()))});
    }
    const auto events = wharf::decode_cloudevents({input, content_type, properties});
    if (events.ok())
        for (const auto& each : *events)
            WHARF_ASSERT(!each.ok() || (!each->source().empty() && !each->event_id().empty()));
    wharf::fuzz::check_all(events);
    check_wrapped(input);
    return 0;
}
