#include "gateway/codec/event_codec.hpp"

#include "gateway/base/limits.hpp"

#include <catch2/catch.hpp>

using namespace wharf;

namespace {

std::string failure(codec_kind codec, std::string_view payload) {
    const auto events = decode(codec, payload);
    return events.ok() ? "decoded" : events.failure().message;
}

std::string repeated(std::string_view text, std::size_t times) {
    std::string out;
    for (std::size_t i = 0; i < times; ++i)
        out.append(i > 0 ? "," : "").append(text);
    return out;
}

wharf::v1::Event picked(std::string_view id) {
    wharf::v1::Event event;
    event.set_event_id(std::string(id));
    event.mutable_picked()->mutable_stock()->set_sku("4711");
    return event;
}

// A field that the schema does not have, in protobuf's encoding: number 99, varint 1.
const std::string k_unknown_field("\x98\x06\x01", 3);

} // namespace

TEST_CASE("one bad event of a JSON array fails alone") {
    const auto events = decode(
        codec_kind::json,
        R"([{"event_id":"a"},{"event_id":7,"x":[{"event_id":"deep"}]},5,[{}],null,{"event_id":"b"}])");
    REQUIRE(events.ok());
    REQUIRE(events->size() == 6);
    CHECK((*events)[0]->event_id() == "a");
    CHECK((*events)[1].failure().message == "event_id: expected a string, got 7");
    CHECK((*events)[2].failure().message == "expected an object");
    CHECK((*events)[3].failure().message == "expected an object, got an array");
    CHECK((*events)[4].failure().message == "expected an object");
    CHECK((*events)[5]->event_id() == "b");
}

TEST_CASE("an array that is not JSON to its end is one failure") {
    CHECK(
        failure(codec_kind::json, R"([{"event_id":"a"},{)").starts_with("not valid JSON at byte "));
    CHECK(
        failure(codec_kind::json, R"([{"event_id":7}] x)").starts_with("not valid JSON at byte "));
    CHECK(failure(codec_kind::json, "7") == "expected an object or an array");
}

TEST_CASE("a message has at least one event and at most the bound, in every codec") {
    CHECK(failure(codec_kind::json, "[]") == "expected at least one event, got none");
    for (const auto codec : {codec_kind::json, codec_kind::protobuf, codec_kind::protobuf_batch})
        CHECK(failure(codec, "") == "the payload is empty");

    const auto max = limits::k_events_per_message_max;
    CHECK(decode(codec_kind::json, "[" + repeated("{}", max) + "]")->size() == max);
    CHECK(failure(codec_kind::json, "[" + repeated("{}", max + 1) + "]") ==
          "expected at most 256 events in a message");
    wharf::v1::EventBatch batch;
    for (std::size_t i = 0; i < max; ++i)
        *batch.add_events() = picked("a");
    CHECK(decode(codec_kind::protobuf_batch, batch.SerializeAsString())->size() == max);
    *batch.add_events() = picked("a");
    CHECK(failure(codec_kind::protobuf_batch, batch.SerializeAsString()) ==
          "expected at most 256 events in a message");
}

TEST_CASE("an unknown protobuf field is refused by number and parent") {
    auto bytes = picked("a").SerializeAsString() + k_unknown_field;
    auto events = decode(codec_kind::protobuf, bytes);
    REQUIRE(events.ok());
    CHECK(events->front().failure().message == "field 99: unknown field number in Event");

    auto event = picked("a");
    REQUIRE(event.mutable_picked()->mutable_stock()->MergeFromString(k_unknown_field));
    events = decode(codec_kind::protobuf, event.SerializeAsString());
    CHECK(events->front().failure().message ==
          "picked.stock.field 99: unknown field number in StockKey");

    wharf::v1::Event packed;
    packed.mutable_packed()->add_contents();
    REQUIRE(packed.mutable_packed()->add_contents()->MergeFromString(k_unknown_field));
    events = decode(codec_kind::protobuf, packed.SerializeAsString());
    CHECK(events->front().failure().message ==
          "packed.contents[1].field 99: unknown field number in PackedLine");

    CHECK(failure(codec_kind::protobuf_batch, k_unknown_field) ==
          "field 99: unknown field number in EventBatch");
}

TEST_CASE("two bodies in protobuf are refused, as protobuf would keep only the last") {
    wharf::v1::Event other;
    other.mutable_packed()->set_package("P");
    const auto events =
        decode(codec_kind::protobuf, picked("a").SerializeAsString() + other.SerializeAsString());
    REQUIRE(events.ok());
    CHECK(events->front().failure().message ==
          "packed: there is already picked; expected only one of the two");
}

TEST_CASE("bytes that are not an event are one failure") {
    const auto whole = picked("a").SerializeAsString();
    const auto message = failure(codec_kind::protobuf, whole.substr(0, whole.size() - 1));
    CHECK(message.starts_with("not a wharf.v1.Event: "));
    CHECK(failure(codec_kind::protobuf, "{}").starts_with("not a wharf.v1.Event: "));
    auto not_text = picked("a");
    not_text.set_user("\xff");
    CHECK(failure(codec_kind::protobuf, not_text.SerializePartialAsString())
              .starts_with("not a wharf.v1.Event: "));
}

TEST_CASE("one bad event of a batch fails alone; a batch that ends early fails whole") {
    wharf::v1::EventBatch batch;
    *batch.add_events() = picked("a");
    *batch.add_events() = picked("b");
    auto bytes = batch.SerializeAsString();
    // An event of one byte that is no event, between them.
    const auto half = bytes.size() / 2;
    bytes.insert(half, std::string("\x0a\x01\xff", 3));
    const auto events = decode(codec_kind::protobuf_batch, bytes);
    REQUIRE(events.ok());
    REQUIRE(events->size() == 3);
    CHECK((*events)[0]->event_id() == "a");
    CHECK_FALSE((*events)[1].ok());
    CHECK((*events)[2]->event_id() == "b");
    bytes.pop_back();
    CHECK(failure(codec_kind::protobuf_batch, bytes) ==
          "not a wharf.v1.EventBatch: its protobuf bytes are malformed or truncated");
    CHECK(failure(codec_kind::protobuf_batch, std::string("\x0a\xff\xff\xff\xff\x0f", 6)) ==
          "not a wharf.v1.EventBatch: its protobuf bytes are malformed or truncated");
}

TEST_CASE("shipments and counts have lanes of their own, all else is inventory") {
    wharf::v1::Event event;
    event.mutable_packed();
    CHECK(lane_of(event) == lane::shipment);
    event.mutable_shipped();
    CHECK(lane_of(event) == lane::shipment);
    event.mutable_milestone();
    CHECK(lane_of(event) == lane::shipment);
    event.mutable_inventory_counted();
    CHECK(lane_of(event) == lane::count);
    event.mutable_inventory_adjusted();
    CHECK(lane_of(event) == lane::inventory);
    event.mutable_picked();
    CHECK(lane_of(event) == lane::inventory);
    event.mutable_disposition();
    CHECK(lane_of(event) == lane::inventory);
}

TEST_CASE("a codec is known by its name") {
    for (const auto codec : {codec_kind::json, codec_kind::protobuf, codec_kind::protobuf_batch})
        CHECK(codec_from_name(to_string(codec)) == codec);
    CHECK_FALSE(codec_from_name("xml").has_value());
}
