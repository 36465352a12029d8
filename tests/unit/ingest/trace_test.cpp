// W3C trace context, from wherever it comes, and the devices that are heard.
#include "gateway/ingest/intake.hpp"

#include <catch2/catch.hpp>

using namespace wharf;

namespace {

constexpr std::int64_t k_now_us = 1'772'445'600'000'000;
constexpr std::string_view k_topic = "wharf/1/ber1/scanner-07/stock";
const std::string k_parent = "00-" + std::string(32, 'a') + "-" + std::string(16, 'b') + "-01";

intake make(intake_options options = {.site = "ber1"}) {
    auto made = make_intake(std::move(options));
    REQUIRE(made.ok());
    return std::move(*made);
}

std::string adjusted(std::string_view more = "") {
    return R"({"event_id":"a",)" + std::string(more) +
           R"("inventory_adjusted":{"stock":{"location":"A-01","sku":"4711"},)"
           R"("delta":{"value":"-2","unit":"EA"},"reason":"damage"}})";
}

prepared_event prepared(const intake& in, std::string_view payload,
                        std::vector<user_property> properties = {}) {
    const auto message = in.prepare(
        {.topic = k_topic, .payload = payload, .client_id = "c", .user_properties = properties},
        k_now_us, true);
    if (const auto* refused = std::get_if<prepared_quarantine>(&message.items.at(0).what))
        FAIL(refused->detail);
    return std::get<prepared_event>(message.items[0].what);
}

wharf::v1::Event event_of(const prepared_event& from) {
    wharf::v1::StoredEvent stored;
    REQUIRE(stored.ParseFromString(from.stored));
    return stored.event();
}

} // namespace

TEST_CASE("an event's trace is kept and flagged") {
    const auto in = make();
    const auto one = prepared(
        in, adjusted(R"("traceparent":")" + k_parent + R"(","tracestate":"a=1","user":"u",)"));
    CHECK((one.flags & k_flag_traced) != 0);
    CHECK(event_of(one).traceparent() == k_parent);
    CHECK(event_of(one).tracestate() == "a=1");
    CHECK(event_of(one).user() == "u");
    CHECK((prepared(in, adjusted()).flags & k_flag_traced) == 0);
    CHECK(in.counters().traced == 1);
    CHECK(in.counters().traces_ignored == 0);
}

TEST_CASE("MQTT's properties carry the trace of every event without one") {
    const auto in = make();
    const auto one = prepared(in, adjusted(), {{"traceparent", k_parent}, {"tracestate", "a=1"}});
    CHECK(event_of(one).traceparent() == k_parent);
    CHECK(event_of(one).tracestate() == "a=1");
    CHECK((one.flags & k_flag_traced) != 0);
}

TEST_CASE("a malformed trace never keeps a fact out, and is counted once an event") {
    const auto in = make();
    auto one = prepared(in, adjusted(R"("traceparent":"not one","tracestate":"a=1",)"));
    CHECK(event_of(one).traceparent().empty());
    CHECK(event_of(one).tracestate().empty());
    CHECK((one.flags & k_flag_traced) == 0);
    CHECK(in.counters().traces_ignored == 1);
    one = prepared(in, adjusted(), {{"traceparent", "garbage"}, {"tracestate", "?"}});
    CHECK(event_of(one).traceparent().empty());
    CHECK(in.counters().traces_ignored == 2);
    one = prepared(in, adjusted(R"("traceparent":")" + k_parent + R"(","tracestate":"A",)"));
    CHECK(event_of(one).traceparent() == k_parent);
    CHECK(event_of(one).tracestate().empty());
    CHECK(in.counters().traces_ignored == 3);
}

TEST_CASE("the trace is no part of what an event says") {
    const auto in = make();
    const auto plain = prepared(in, adjusted(R"("user":"u",)"));
    const auto traced = prepared(
        in, adjusted(R"("traceparent":")" + k_parent + R"(","tracestate":"a=1","user":"u",)"));
    CHECK(plain.content == traced.content);
    CHECK(plain.identity_keys == traced.identity_keys);
    // The slower way, which protobuf itself goes: a unit that is not canonical takes it.
    const auto slow = [&](const std::string& more) {
        auto payload = adjusted(more + R"("user":"u",)");
        payload.replace(payload.find("-2"), 2, "-2.0");
        return prepared(in, payload);
    };
    CHECK(slow("").content == plain.content);
    CHECK(slow(R"("traceparent":")" + k_parent + R"(","tracestate":"a=1",)").content ==
          plain.content);
}

TEST_CASE("a CloudEvent's extension is a trace as well") {
    const auto in = make();
    const auto said = [&](const std::string& parent) {
        const std::string payload = R"({"specversion":"1.0","id":"a","source":"wms","type":"x",)"
                                    R"("traceparent":")" +
                                    parent + R"(","tracestate":"a=1","data":)" +
                                    R"({"inventory_adjusted":{"stock":{"location":"A","sku":"1"},)"
                                    R"("delta":{"value":"-2","unit":"EA"},"reason":"damage"}}})";
        const auto message = in.prepare({.topic = k_topic,
                                         .payload = payload,
                                         .client_id = "c",
                                         .content_type = "application/cloudevents+json"},
                                        k_now_us, true);
        REQUIRE(std::holds_alternative<prepared_event>(message.items.at(0).what));
        return event_of(std::get<prepared_event>(message.items[0].what));
    };
    CHECK(said(k_parent).traceparent() == k_parent);
    CHECK(said(k_parent).tracestate() == "a=1");
    CHECK(said("not one").traceparent().empty());
    CHECK(said("not one").tracestate().empty());
    CHECK(in.counters().traces_ignored == 2);
}

TEST_CASE("a device of a profile with a word on silence is heard with each message") {
    intake_options options{.site = "ber1"};
    device_profile profile;
    profile.name = "scanners";
    profile.devices = {"scanner-*", "gate-1"};
    profile.silent_after_s = 60;
    options.profiles = {profile};
    const auto in = make(std::move(options));
    auto& devices = in.devices();
    CHECK(devices.watched() == 1); // the one that has its name there
    static_cast<void>(prepared(in, adjusted()));
    devices.look(0);
    CHECK(devices.watched() == 2);
    static_cast<void>(prepared(in, adjusted()));
    devices.look(60'000'000);
    REQUIRE(devices.silent() == 1);
    CHECK(devices.silent_devices()[0].device == "gate-1");
    devices.look(120'000'000);
    CHECK(devices.silent() == 2);
    // What was remembered of the topic is no longer good once a device was forgotten.
    devices.look(std::int64_t{limits::k_device_forgotten_s} * 1'000'000 + 60'000'000);
    CHECK(devices.watched() == 1);
    static_cast<void>(prepared(in, adjusted()));
    CHECK(devices.watched() == 2);
}

TEST_CASE("without a word on silence no device is watched") {
    const auto in = make();
    static_cast<void>(prepared(in, adjusted()));
    CHECK(in.devices().watched() == 0);
}
