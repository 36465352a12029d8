// The examples of docs/formats/event.md, read out of the page itself.
#include "gateway/codec/event_codec.hpp"
#include "gateway/codec/json_codec.hpp"
#include "gateway/codec/validate.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <set>
#include <sstream>

using namespace wharf;

namespace {

std::vector<std::string> examples() {
    std::ifstream file(WHARF_DOCS "/formats/event.md");
    REQUIRE(file.good());
    std::vector<std::string> out;
    std::string line;
    bool inside = false;
    while (std::getline(file, line)) {
        if (inside && line == "```") {
            inside = false;
        } else if (inside) {
            out.back().append(line).append("\n");
        } else if (line == "```json") {
            inside = true;
            out.emplace_back();
        }
    }
    return out;
}

std::string json_of(const wharf::v1::Event& event) {
    std::string out;
    message_to_json(event, out);
    return out;
}

wharf::v1::Event only_event(codec_kind codec, std::string_view payload) {
    auto events = decode(codec, payload);
    INFO((events.ok() ? std::string() : events.failure().message));
    REQUIRE(events.ok());
    REQUIRE(events->size() == 1);
    INFO((events->front().ok() ? std::string() : events->front().failure().message));
    REQUIRE(events->front().ok());
    return *events->front();
}

} // namespace

TEST_CASE("the page shows every kind of event, and each of its examples is valid") {
    std::set<int> kinds;
    for (const auto& text : examples()) {
        CAPTURE(text);
        auto event = only_event(codec_kind::json, text);
        const auto how = validate(event, "ber1", "scanner-07");
        INFO((how.ok() ? std::string() : how.failure().message));
        CHECK(how.ok());
        kinds.insert(event.body_case());
    }
    CHECK(kinds.size() == 13);
}

TEST_CASE("each example is the same event through JSON, protobuf and a batch") {
    for (const auto& text : examples()) {
        CAPTURE(text);
        auto event = only_event(codec_kind::json, text);
        REQUIRE(validate(event, "ber1", "scanner-07").ok());
        const auto canonical = json_of(event);
        const auto bytes = event.SerializeAsString();

        auto from_json = only_event(codec_kind::json, canonical);
        CHECK(from_json.SerializeAsString() == bytes);
        auto from_protobuf = only_event(codec_kind::protobuf, bytes);
        CHECK(json_of(from_protobuf) == canonical);
        wharf::v1::EventBatch batch;
        *batch.add_events() = event;
        auto from_batch = only_event(codec_kind::protobuf_batch, batch.SerializeAsString());
        CHECK(json_of(from_batch) == canonical);

        // Valid events are already canonical.
        REQUIRE(validate(from_json, "ber1", "scanner-07").ok());
        CHECK(json_of(from_json) == canonical);
    }
}

TEST_CASE("all examples in one array are as many events in their order") {
    std::string array = "[";
    for (const auto& text : examples())
        array.append(array.size() > 1 ? "," : "").append(text);
    array.push_back(']');
    const auto events = decode(codec_kind::json, array);
    REQUIRE(events.ok());
    CHECK(events->size() == examples().size());
    CHECK(events->front()->event_id() == "a-1");
    CHECK(events->back()->event_id() == "a-2");
}
