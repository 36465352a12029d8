#include "firmware/views/words.hpp"

#include "firmware/ctl/table.hpp"
#include "gateway/codec/json_codec.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::views;
using Catch::Matchers::Contains;

namespace {

event_words words(const char* json) {
    v1::Event event;
    auto read = message_from_json(json, event);
    if (!read.ok()) FAIL(read.failure().message);
    return words_of(event);
}

} // namespace

TEST_CASE("a pick reads as a warehouse would say it") {
    auto said = words(R"({"occurred_at": "2026-03-02T09:59:59.900Z", "user": "anna",
        "picked": {"stock": {"location": "A-01", "sku": "4711", "lot": "L1", "unit": "EA"},
                   "quantity": {"value": "2", "unit": "EA"}, "task": "T-9", "line": "1",
                   "order": "SO-7"}})");
    CHECK(said.what == "2 EA of 4711 were picked from A-01 for order SO-7");
    CHECK(said.item == "SKU 4711, lot L1");
    CHECK(said.document == "task T-9, line 1");
    CHECK(said.person == "anna");
    CHECK(said.occurred_at == "2026-03-02T09:59:59.900Z");
}

TEST_CASE("a negative adjustment takes off, a positive one adds") {
    auto adjusted = [](const char* delta) {
        return words((std::string(R"({"inventory_adjusted": {"stock": {"location": "A", "sku": "1"},
            "delta": {"value": ")") +
                      delta + R"(", "unit": "KGM"}, "reason": "damage"}})")
                         .c_str());
    };
    CHECK(adjusted("-2.5").what == "2.5 KGM of 1 were taken off the stock at A: damage");
    CHECK(adjusted("2.5").what == "2.5 KGM of 1 were added to the stock at A: damage");
}

TEST_CASE("every kind of event has words of its own") {
    v1::Event event;
    const auto* body = v1::Event::descriptor()->FindOneofByName("body");
    for (int i = 0; i < body->field_count(); ++i) {
        event.GetReflection()->MutableMessage(&event, body->field(i));
        INFO(body->field(i)->name());
        CHECK_FALSE(words_of(event).what.empty());
        CHECK(words_of(event).what != "an event without a content");
    }
    CHECK(words_of(v1::Event{}).what == "an event without a content");
}

TEST_CASE("a reversal says what it takes back") {
    CHECK_THAT(words(R"({"reversal": {"event_id": "e-1"},
        "milestone": {"shipment": "S", "code": "departed"}})")
                   .what,
               Contains("taken back (event e-1): shipment S: departed"));
}

TEST_CASE("what a device sent does not steer the terminal") {
    CHECK(printable("\x1b[31mred\n") == "?[31mred?");
    v1::Event event;
    event.mutable_milestone()->set_shipment("\x1b]0;x\x07");
    CHECK(words_of(event).what.find('\x1b') == std::string::npos);
}

TEST_CASE("times, durations and sizes are shown for people") {
    CHECK(time_text(1'000'000) == "1970-01-01T00:00:01Z");
    CHECK(duration_text(-1) == "0 seconds");
    CHECK(duration_text(61) == "1 minute");
    CHECK(duration_text(7500) == "2 hours 5 minutes");
    CHECK(duration_text(200'000) == "2 days 7 hours");
    CHECK(bytes_text(512) == "512 B");
    CHECK(bytes_text(1536) == "1.5 KiB");
    CHECK(bytes_text(3ULL << 40) == "3072.0 GiB");
}

TEST_CASE("a table's columns are as wide as their widest cell") {
    ctl::table rows({"a", "b"});
    CHECK(rows.empty());
    rows.add({"long", "x"});
    CHECK(rows.text() == "a     b\nlong  x\n");
}
