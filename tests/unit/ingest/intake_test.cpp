#include "gateway/ingest/intake.hpp"

#include "gateway/base/limits.hpp"

#include <catch2/catch.hpp>

using namespace wharf;

namespace {

constexpr std::int64_t k_now_us = 1'772'445'600'000'000;
constexpr std::string_view k_topic = "wharf/1/ber1/scanner-07/stock";

intake make(intake_options options = {.site = "ber1"}) {
    auto made = make_intake(std::move(options));
    INFO((made.ok() ? std::string() : made.failure().message));
    REQUIRE(made.ok());
    return std::move(*made);
}

std::string adjusted(std::string_view id, std::string_view more = "") {
    return R"({"event_id":")" + std::string(id) + R"(",)" + std::string(more) +
           R"("inventory_adjusted":{"stock":{"location":"A-01","sku":"4711"},)"
           R"("delta":{"value":"-2","unit":"EA"},"reason":"damage"}})";
}

prepared_message prepare(const intake& in, std::string_view topic, std::string_view payload) {
    return in.prepare({.topic = topic, .payload = payload, .client_id = "c"}, k_now_us, true);
}

const prepared_event& event_of(const prepared_item& item) {
    if (const auto* refused = std::get_if<prepared_quarantine>(&item.what)) FAIL(refused->detail);
    return std::get<prepared_event>(item.what);
}

// "reason: detail"
std::string refusal_of(const prepared_item& item) {
    const auto* refused = std::get_if<prepared_quarantine>(&item.what);
    return refused == nullptr ? "accepted" : refused->reason + ": " + refused->detail;
}

wharf::v1::StoredEvent stored_of(const prepared_event& event) {
    wharf::v1::StoredEvent stored;
    REQUIRE(stored.ParseFromString(event.stored));
    return stored;
}

} // namespace

TEST_CASE("a publish becomes what the journal is asked for") {
    const auto in = make();
    const auto payload = adjusted("a-1");
    const auto message = in.prepare({.topic = k_topic,
                                     .payload = payload,
                                     .client_id = "client-7",
                                     .qos = 1,
                                     .packet_id = 17,
                                     .dup = true,
                                     .persistent_session = true,
                                     .resumed_session = true},
                                    k_now_us, true);
    CHECK(message.client_id == "client-7");
    CHECK(message.site == "ber1");
    CHECK(message.device == "scanner-07");
    CHECK(message.topic == k_topic);
    CHECK(message.payload == payload);
    CHECK(message.received_at_us == k_now_us);
    CHECK(message.qos == 1);
    CHECK(message.packet_id == 17);
    CHECK(message.dup);
    CHECK(message.persistent_session);
    CHECK(message.resumed_session);
    CHECK_FALSE(message.packet_ids_not_reused);
    REQUIRE(message.items.size() == 1);
    CHECK(message.items[0].index == 0u);

    const auto& event = event_of(message.items[0]);
    CHECK(event.in_lane == lane::inventory);
    CHECK(event.flags == 0);
    CHECK(event.identity_keys.size() == 1);
    CHECK(event.order_keys.size() == 1);
    CHECK(event.trigger_key.empty());
    const auto stored = stored_of(event);
    CHECK(stored.site() == "ber1");
    CHECK(stored.device() == "scanner-07");
    CHECK(stored.stream() == "stock");
    CHECK(stored.received_at_us() == k_now_us);
    CHECK(stored.event().event_id() == "a-1");
    CHECK(stored.event().source() == "scanner-07");
    CHECK(stored.event().inventory_adjusted().stock().site() == "ber1");
}

TEST_CASE("JSON, protobuf and a batch of the same event are the same to the journal") {
    const auto in = make();
    const auto from_json = prepare(in, k_topic, adjusted("a-1"));
    const auto& first = event_of(from_json.items[0]);
    wharf::v1::Event event = stored_of(first).event();
    wharf::v1::EventBatch batch;
    *batch.add_events() = event;
    const auto single = prepare(in, std::string(k_topic) + ".pb", event.SerializeAsString());
    const auto several = prepare(in, std::string(k_topic) + ".pbs", batch.SerializeAsString());
    for (const auto* other : {&single, &several}) {
        const auto& second = event_of(other->items[0]);
        CHECK(second.stored == first.stored);
        CHECK(second.identity_keys == first.identity_keys);
        CHECK(second.content == first.content);
        CHECK(second.order_keys == first.order_keys);
    }
}

TEST_CASE("one event that breaks a rule goes to quarantine alone, with its index") {
    const auto message =
        prepare(make(), k_topic,
                "[" + adjusted("a") + R"(,{"colour":"red"},{"picked":{}},)" + adjusted("b") + "]");
    REQUIRE(message.items.size() == 4);
    CHECK(refusal_of(message.items[0]) == "accepted");
    CHECK(message.items[1].index == 1u);
    CHECK(refusal_of(message.items[1]) == "invalid: colour: unknown field");
    CHECK(message.items[2].index == 2u);
    CHECK(refusal_of(message.items[2]) == "invalid: picked.quantity: required");
    CHECK(message.items[3].index == 3u);
    CHECK(refusal_of(message.items[3]) == "accepted");
}

TEST_CASE("what cannot be taken as a whole is one item without an index") {
    const auto in = make();
    const auto only = [&](std::string_view topic, std::string_view payload) {
        const auto message = prepare(in, topic, payload);
        REQUIRE(message.items.size() == 1);
        CHECK_FALSE(message.items[0].index.has_value());
        CHECK(message.payload == payload);
        return refusal_of(message.items[0]);
    };
    CHECK(only("other/topic", adjusted("a")) ==
          "unknown_topic: no route matches topic \"other/topic\"");
    CHECK(only("wharf/1/ham2/scanner-07/stock", adjusted("a")) ==
          "invalid: topic's site: expected this gateway's site \"ber1\", got \"ham2\"");
    CHECK(only("wharf/1/ber1/" + std::string(65, 'd') + "/stock", adjusted("a")) ==
          "invalid: topic's device: expected 1 to 64 bytes, got 65");
    CHECK(only(k_topic, "") == "unreadable: as json: the payload is empty");
    CHECK(only(k_topic, "[]") == "unreadable: as json: expected at least one event, got none");
    CHECK(only(std::string(k_topic) + ".pb", "\xff\xff")
              .starts_with("unreadable: as protobuf: not a wharf.v1.Event"));
}

TEST_CASE("the content type of an unreadable payload is shown to whoever looks at it") {
    const auto message = make().prepare(
        {.topic = k_topic, .payload = "<a/>", .client_id = "c", .content_type = "text/xml"},
        k_now_us, true);
    CHECK(refusal_of(message.items[0])
              .starts_with("unreadable: as json (content type \"text/xml\"): not valid JSON"));
}

TEST_CASE("MQTT's own correlation id and traceparent fill what the event leaves empty") {
    const std::string trace = "00-" + std::string(32, 'a') + "-" + std::string(16, 'b') + "-01";
    const auto with = [&](std::string_view payload, std::vector<user_property> properties) {
        const auto message = make().prepare(
            {.topic = k_topic, .payload = payload, .client_id = "c", .user_properties = properties},
            k_now_us, true);
        return stored_of(event_of(message.items.at(0))).event();
    };
    auto event =
        with(adjusted("a"), {{"x", "y"}, {"correlation-id", "c-1"}, {"traceparent", trace}});
    CHECK(event.correlation_id() == "c-1");
    CHECK(event.traceparent() == trace);
    event = with(adjusted("a", R"("correlation_id":"own",)"), {{"correlation-id", "c-1"}});
    CHECK(event.correlation_id() == "own");
    // What the transport says wrongly is not the event's fault.
    event = with(adjusted("a"), {{"traceparent", "garbage"}, {"correlation-id", "a\nb"}});
    CHECK(event.correlation_id().empty());
    CHECK(event.traceparent().empty());
}

TEST_CASE(
    "an event is flagged where nothing tells it from an equal one, and where the clock is off") {
    const auto in = make();
    const std::string_view bare = R"({"inventory_adjusted":{"stock":{"location":"A","sku":"1"},)"
                                  R"("delta":{"value":"1","unit":"EA"},"reason":"found"}})";
    auto message =
        in.prepare({.topic = k_topic, .payload = bare, .client_id = "c"}, k_now_us, false);
    CHECK(event_of(message.items[0]).flags ==
          (k_flag_without_identity | k_flag_clock_unsynchronised));
    CHECK(event_of(message.items[0]).identity_keys.empty());
    message = prepare(in, k_topic, adjusted("a"));
    CHECK(event_of(message.items[0]).flags == 0);
}

TEST_CASE("an event that is too large with its origin is refused with its size") {
    wharf::v1::Event event;
    event.set_event_id("big");
    auto& packed = *event.mutable_packed();
    packed.set_package("P");
    for (std::size_t i = 0; i < limits::k_packed_lines_max; ++i) {
        auto& line = *packed.add_contents();
        line.mutable_quantity()->mutable_value()->set_coefficient(1);
        line.mutable_quantity()->set_unit("EA");
        auto& stock = *line.mutable_stock();
        for (auto* text : {stock.mutable_sku(), stock.mutable_lot(), stock.mutable_serial(),
                           stock.mutable_owner(), stock.mutable_location()})
            *text = std::string(64, 'x');
    }
    const auto message = prepare(make(), std::string(k_topic) + ".pb", event.SerializeAsString());
    REQUIRE(message.items.size() == 1);
    CHECK(message.items[0].index == 0u);
    CHECK(refusal_of(message.items[0])
              .starts_with("invalid: event: expected at most 16384 bytes with its origin, got "));
}

TEST_CASE("a profile marks double triggers of the same device, code, place, task and kind") {
    const auto in = make({.site = "ber1",
                          .profiles = {{.name = "scanner",
                                        .devices = {"scanner-*"},
                                        .on_double_trigger = double_trigger_policy::flag,
                                        .double_trigger_window_ms = 750,
                                        .packet_ids_not_reused = true}}});
    const auto trigger = [&](std::string_view device, std::string_view payload) {
        const auto message = prepare(in, "wharf/1/ber1/" + std::string(device) + "/stock", payload);
        return event_of(message.items.at(0)).trigger_key;
    };
    const auto message = prepare(in, k_topic, adjusted("a"));
    CHECK(message.packet_ids_not_reused);
    CHECK(event_of(message.items[0]).on_double_trigger == double_trigger_policy::flag);
    CHECK(event_of(message.items[0]).double_trigger_window_us == 750'000);

    const auto picked = [](std::string_view stock, std::string_view rest) {
        return R"({"picked":{"stock":{)" + std::string(stock) +
               R"(},"quantity":{"value":"1","unit":"EA"},)" + std::string(rest) + "}}";
    };
    const auto first =
        trigger("scanner-07", picked(R"("location":"A","sku":"1")", R"("task":"T","line":"1")"));
    CHECK(first == trigger("scanner-07", picked(R"("location":"A","sku":"1")",
                                                R"("task":"T","line":"1","sequence":2)")));
    CHECK(first !=
          trigger("scanner-08", picked(R"("location":"A","sku":"1")", R"("task":"T","line":"1")")));
    CHECK(first !=
          trigger("scanner-07", picked(R"("location":"B","sku":"1")", R"("task":"T","line":"1")")));
    CHECK(first !=
          trigger("scanner-07", picked(R"("location":"A","sku":"2")", R"("task":"T","line":"1")")));
    CHECK(first !=
          trigger("scanner-07", picked(R"("location":"A","sku":"1")", R"("task":"U","line":"1")")));
    CHECK(first != trigger("scanner-07", picked(R"("location":"A","sku":"1","serial":"S")",
                                                R"("task":"T","line":"1")")));
    CHECK_FALSE(trigger("scanner-07", adjusted("a")).empty());
    CHECK(trigger("wms", adjusted("a")).empty());
}

TEST_CASE("what is read again from quarantine says so, and is otherwise what it would have been") {
    intake_options options{.site = "ber1"};
    options.profiles = {{.name = "scanners", .devices = {"scanner-07"}, .silent_after_s = 60}};
    const auto in = make(std::move(options));
    in.devices().look(0);
    const user_property properties[] = {{"correlation-id", "c-1"}};
    const auto payload = adjusted("a");
    publish_view message{.topic = k_topic, .payload = payload, .client_id = "c"};
    message.content_type = "application/json";
    message.user_properties = properties;
    message.released_from = 7;
    const auto again = in.prepare(message, k_now_us, false);
    const auto& event = event_of(again.items.at(0));
    CHECK(stored_of(event).released_from() == 7);
    CHECK(stored_of(event).received_at_us() == k_now_us);
    CHECK(stored_of(event).event().correlation_id() == "c-1");
    CHECK((event.flags & k_flag_clock_unsynchronised) != 0);
    // What quarantine has to keep of it.
    CHECK(again.content_type == "application/json");
    REQUIRE(again.properties.size() == 1);
    CHECK(again.properties[0].second == "c-1");
    CHECK(again.clock_unsynchronised);
    // The device has not spoken by that.
    in.devices().look(60'000'000);
    CHECK(in.devices().silent() == 1);
    message.released_from = 0;
    const auto fresh = in.prepare(message, k_now_us, false);
    CHECK(stored_of(event_of(fresh.items.at(0))).released_from() == 0);
    CHECK(event_of(fresh.items.at(0)).content == event.content);
    CHECK(event_of(fresh.items.at(0)).identity_keys.size() == event.identity_keys.size());
    in.devices().look(61'000'000);
    CHECK(in.devices().silent() == 0);
    message.unfit = "too large";
    CHECK(in.prepare(message, k_now_us, false).unfit);
}

TEST_CASE("a route without a site is about the gateway's own") {
    const auto in = make({.site = "ber1", .routes = {{.topic = "scan/{device}"}}});
    const auto message = prepare(in, "scan/gun-1", adjusted("a"));
    CHECK(message.site == "ber1");
    CHECK(stored_of(event_of(message.items.at(0))).stream().empty());
}

TEST_CASE("an intake that makes no sense is not made") {
    CHECK(make_intake({.site = ""}).failure().message == "site: expected 1 to 64 bytes, got 0");
    CHECK(make_intake({.site = "ber1", .routes = {}}).failure().message ==
          "expected at least one route");
    CHECK(make_intake({.site = "ber1", .routes = {{.topic = "{device}", .profile = "x"}}})
              .failure()
              .message == "topic \"{device}\": there is no profile \"x\"");
}
