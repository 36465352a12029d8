// CloudEvents on topics, and what came through a bridge.
#include "gateway/ingest/intake.hpp"

#include <catch2/catch.hpp>

using namespace wharf;

namespace {

constexpr std::string_view k_data =
    R"({"inventory_adjusted":{"stock":{"location":"A-01","sku":"4711"},)"
    R"("delta":{"value":"-2","unit":"EA"},"reason":"damage"}})";
constexpr std::string_view k_one = "application/cloudevents+json";
constexpr std::string_view k_json_topic = "wharf/1/ber1/scanner-07/stock";

std::string envelope(std::string_view more = "") {
    return R"({"specversion":"1.0","id":"a-1","source":"wms","type":"t",)" + std::string(more) +
           R"("data":)" + std::string(k_data) + "}";
}

intake make() {
    auto routes = default_routes();
    routes.insert(routes.begin(), {.topic = "wms/{device}", .codec = codec_kind::cloudevents});
    auto made = make_intake({.site = "ber1", .routes = std::move(routes)});
    REQUIRE(made.ok());
    return std::move(*made);
}

wharf::v1::StoredEvent taken(const prepared_message& message) {
    REQUIRE(message.items.size() == 1);
    if (const auto* refused = std::get_if<prepared_quarantine>(&message.items[0].what))
        FAIL(refused->reason + ": " + refused->detail);
    wharf::v1::StoredEvent stored;
    REQUIRE(stored.ParseFromString(std::get<prepared_event>(message.items[0].what).stored));
    return stored;
}

std::string refusal(const prepared_message& message) {
    REQUIRE(message.items.size() == 1);
    const auto* refused = std::get_if<prepared_quarantine>(&message.items[0].what);
    return refused == nullptr ? "accepted" : refused->reason + ": " + refused->detail;
}

prepared_message prepare(const intake& in, publish_view view) {
    view.client_id = "c";
    return in.prepare(view, 1, true);
}

} // namespace

TEST_CASE("a CloudEvent on a topic for JSON is taken for one by its content type alone") {
    const auto in = make();
    const auto payload = envelope();
    const auto stored =
        taken(prepare(in, {.topic = k_json_topic, .payload = payload, .content_type = k_one}));
    CHECK(stored.event().event_id() == "a-1");
    CHECK(stored.event().source() == "wms");
    CHECK(refusal(prepare(in, {.topic = k_json_topic, .payload = payload}))
              .starts_with("invalid: specversion: unknown field"));
    CHECK(refusal(prepare(in, {.topic = "wharf/1/ber1/scanner-07/stock.pb",
                               .payload = payload,
                               .content_type = k_one}))
              .starts_with(
                  "unreadable: as protobuf (content type \"application/cloudevents+json\")"));
    CHECK(refusal(prepare(in, {.topic = k_json_topic,
                               .payload = payload,
                               .content_type = "application/cloudevents+avro"}))
              .starts_with("unreadable: as cloudevents (content type "));
}

TEST_CASE("a route for CloudEvents takes every mode, and the same event is the same in each") {
    const auto in = make();
    const auto payload = envelope();
    const user_property properties[] = {
        {"specversion", "1.0"}, {"id", "a-1"}, {"source", "wms"}, {"type", "t"}};
    const auto structured = prepare(in, {.topic = "wms/scanner-07", .payload = payload});
    const auto binary = prepare(in, {.topic = "wms/scanner-07",
                                     .payload = k_data,
                                     .content_type = "application/json",
                                     .user_properties = properties});
    CHECK(taken(structured).event().event_id() == "a-1");
    CHECK(taken(structured).SerializeAsString() == taken(binary).SerializeAsString());
    const auto& first = std::get<prepared_event>(structured.items[0].what);
    const auto& second = std::get<prepared_event>(binary.items[0].what);
    CHECK(first.identity_keys == second.identity_keys);
    CHECK(first.content == second.content);
}

TEST_CASE("a CloudEvent whose event names itself otherwise goes to quarantine with both names") {
    const auto in = make();
    const std::string payload = R"({"specversion":"1.0","id":"a-1","source":"wms","type":"t",)"
                                R"("data":{"event_id":"b-7"}})";
    CHECK(refusal(prepare(in, {.topic = "wms/s", .payload = payload})) ==
          "invalid: id \"a-1\" and data.event_id \"b-7\" contradict each other: expected the same, "
          "or no event_id");
}

TEST_CASE("an event says which bridge it came through, whichever way it is taken") {
    const auto in = make();
    const auto payload = envelope();
    const auto plain = prepare(in, {.topic = "wms/s", .payload = payload, .bridge = "site/main"});
    CHECK(plain.bridge == "site/main");
    CHECK(taken(plain).bridge() == "site/main");
    // Not in the form that validation gives it: this one goes through protobuf.
    wharf::v1::Event event = taken(plain).event();
    event.mutable_inventory_adjusted()->mutable_delta()->mutable_value()->set_coefficient(-20);
    event.mutable_inventory_adjusted()->mutable_delta()->mutable_value()->set_scale(1);
    const auto bytes = event.SerializeAsString();
    CHECK(taken(prepare(in,
                        {.topic = "wharf/1/ber1/s/x.pb", .payload = bytes, .bridge = "site/main"}))
              .bridge() == "site/main");
    CHECK(taken(prepare(in, {.topic = "wms/s", .payload = payload})).bridge().empty());
}

TEST_CASE("what a bridge could not hand over whole goes to quarantine in its words") {
    const auto in = make();
    CHECK(refusal(prepare(in, {.topic = "wms/s", .payload = "{", .unfit = "it is too large"})) ==
          "unreadable: it is too large");
}
