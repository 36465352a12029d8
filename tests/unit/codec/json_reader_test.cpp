#include "gateway/codec/json_codec.hpp"
#include "wharf/v1/journal.pb.h"
#include "wharf/v1/update.pb.h"

#include <catch2/catch.hpp>

using namespace wharf;

namespace {

template <class Message = wharf::v1::EventBatch> std::string failure(std::string_view text) {
    Message message;
    const auto how = message_from_json(text, message);
    return how.ok() ? "read" : how.failure().message;
}

std::string event_failure(std::string_view text) {
    return failure<wharf::v1::Event>(text);
}

} // namespace

TEST_CASE("an error names the full path of the field and what was expected there") {
    const auto [text, expected] = GENERATE(table<std::string, std::string>({
        {R"({"events":[{},{},{"inventory_adjusted":{"delta":{"value":"1e3"}}}]})",
         "events[2].inventory_adjusted.delta.value: expected a decimal such as \"12\", \"-0.5\" or "
         "\"12.50\": digits, optionally a point and digits, no exponent, no '+', no leading zeros, "
         "got \"1e3\""},
        {R"({"events":[{"inventory_adjusted":{"delta":{"value":12.5}}}]})",
         "events[0].inventory_adjusted.delta.value: expected a decimal as a string such as "
         "\"12.50\", got 12.5"},
        {R"({"events":[{"inventory_adjusted":{"delta":{"value":"1234567890123456789"}}}]})",
         "events[0].inventory_adjusted.delta.value: expected at most 18 digits, at most 9 of them "
         "after the point, got \"1234567890123456789\""},
        {R"({"events":[{"references":[{"type":"a","id":"b"},{"kind":"c"}]}]})",
         "events[0].references[1].kind: unknown field; expected one of type, id"},
        {R"({"events":{}})", "events: expected an array, got an object"},
        {R"({"events":"x"})", "events: expected an array, got a string"},
        {R"({"events":[[]]})", "events[0]: expected an object, got an array"},
        {R"({"events":[{},7]})", "events[1]: expected an object, got 7"},
        {R"({"events":[null]})", "events[0]: null is not a value here; leave the field out"},
        {R"({"events":[],"events":[]})", "events: given twice"},
        {R"([])", "expected an object"},
        {R"("x")", "expected an object"},
        {R"(null)", "expected an object"},
    }));
    CHECK(failure(text) == expected);
}

TEST_CASE("a value of the wrong type is refused with the type that was expected") {
    const auto [text, expected] = GENERATE(table<std::string, std::string>({
        {R"({"source":7})", "source: expected a string, got 7"},
        {R"({"source":true})", "source: expected a string, got true"},
        {R"({"source":null})", "source: null is not a value here; leave the field out"},
        {R"({"source":{}})", "source: expected a string, got an object"},
        {R"({"source":["a"]})", "source: expected a string, got an array"},
        {R"({"occurred_at":1772445600})",
         "occurred_at: expected a time as a string such as \"2026-03-02T10:00:00Z\", got "
         "1772445600"},
        {R"({"occurred_at":{"seconds":1}})", "occurred_at: expected a time as a string such as "
                                             "\"2026-03-02T10:00:00Z\", got an object"},
        {R"({"occurred_at":"2016-12-31T23:59:60Z"})",
         "occurred_at: expected an RFC 3339 time such as \"2026-03-02T10:00:00.250Z\" or "
         "\"2026-03-02T11:00:00+01:00\": leap seconds (:60) are not accepted, got "
         "\"2016-12-31T23:59:60Z\""},
        {R"({"device_sequence":1.0})", "device_sequence: expected a whole number from 0 to "
                                       "18446744073709551615, as a string or a number, got 1.0"},
        {R"({"device_sequence":-1})", "device_sequence: expected a whole number from 0 to "
                                      "18446744073709551615, as a string or a number, got -1"},
        {R"({"device_sequence":18446744073709551616})",
         "device_sequence: expected a whole number from 0 to 18446744073709551615, as a string or "
         "a "
         "number, got 18446744073709551616"},
        {R"({"device_sequence":"1e3"})", "device_sequence: expected a whole number from 0 to "
                                         "18446744073709551615, as a string or a "
                                         "number, got \"1e3\""},
        {R"({"picked":{"sequence":4294967296}})",
         "picked.sequence: expected a whole number from 0 to 4294967295, got 4294967296"},
        {R"({"picked":{"sequence":"1"}})",
         "picked.sequence: expected a whole number from 0 to 4294967295, got \"1\""},
        {R"({"picked":{"sequence":1E2}})",
         "picked.sequence: expected a whole number from 0 to 4294967295, got 1E2"},
        {R"({"picked":{"cumulative":"true"}})",
         "picked.cumulative: expected true or false, got \"true\""},
        {R"({"picked":{"cumulative":1}})", "picked.cumulative: expected true or false, got 1"},
        {R"({"picked":[]})", "picked: expected an object, got an array"},
        {R"({"shipped":{"extent":"FINAL"}})",
         "shipped.extent: expected one of partial, final, got \"FINAL\""},
        {R"({"shipped":{"extent":"unspecified"}})",
         "shipped.extent: expected one of partial, final, got \"unspecified\""},
        {R"({"shipped":{"extent":2}})", "shipped.extent: expected one of partial, final, got 2"},
        {R"({"picked":{},"source":"a","packed":{}})",
         "packed: there is already picked; expected only one of the two"},
        {R"({"source":"a","source":"a"})", "source: given twice"},
        {R"({"picked":{"stock":{"sku":"a","sku":"b"}}})", "picked.stock.sku: given twice"},
        {R"({"colour":"red"})", "colour: unknown field"},
        {R"({"inventoryAdjusted":{}})", "inventoryAdjusted: unknown field"},
        {R"({"reversal":{"event":"x"}})",
         "reversal.event: unknown field; expected one of event_id, source, reason"},
    }));
    CAPTURE(text);
    CHECK(event_failure(text) == expected);
}

TEST_CASE("integers of both widths are read to the ends of their ranges") {
    wharf::v1::Event event;
    REQUIRE(message_from_json(R"({"device_sequence":18446744073709551615})", event).ok());
    CHECK(event.device_sequence() == 18446744073709551615ull);
    REQUIRE(message_from_json(R"({"device_sequence":"18446744073709551615"})", event).ok());
    REQUIRE(message_from_json(R"({"device_sequence":"0"})", event).ok());
    CHECK(event.has_device_sequence());
    wharf::v1::SealedBatch batch;
    REQUIRE(message_from_json(R"({"sealed_at_us":"-9223372036854775808"})", batch).ok());
    CHECK(batch.sealed_at_us() == std::numeric_limits<std::int64_t>::min());
    REQUIRE(message_from_json(R"({"sealed_at_us":-9223372036854775808})", batch).ok());
    CHECK_FALSE(message_from_json(R"({"sealed_at_us":"9223372036854775808"})", batch).ok());
    CHECK_FALSE(message_from_json(R"({"sealed_at_us":"-0"})", batch).ok());
    CHECK_FALSE(message_from_json(R"({"sealed_at_us":"01"})", batch).ok());
    CHECK_FALSE(message_from_json(R"({"sealed_at_us":""})", batch).ok());
    CHECK_FALSE(message_from_json(R"({"sealed_at_us":"+1"})", batch).ok());
}

TEST_CASE("text that is not JSON is refused with the place") {
    const auto* text = GENERATE(
        "", " ", "{", "{\"source\":}", "{\"source\":\"a\",}", "{} {}", "{}x", "{source:1}",
        "{'source':'a'}", "{\"device_sequence\":NaN}", "{\"device_sequence\":01}",
        "{\"source\":\"\xff\"}", "{\"source\":\"\xc0\x80\"}", "{\"source\":\"\\ud800\"}",
        "{\"source\":\"\x01\"}", "// x\n{}", "{\"device_sequence\":1e999}", "\xef\xbb\xbf{}");
    CAPTURE(text);
    const auto message = event_failure(text);
    CAPTURE(message);
    CHECK(message.starts_with("not valid JSON at byte "));
    CHECK(message.size() < 300);
    for (const char c : message)
        CHECK((c >= 0x20 && c < 0x7f));
}

TEST_CASE("nesting beyond the bound is refused, however deep it goes") {
    std::string deep = R"({"picked":{"stock":)";
    for (int i = 0; i < 100'000; ++i)
        deep += R"({"a":)";
    CHECK(event_failure(deep).starts_with("not valid JSON at byte "));
    deep += "1" + std::string(100'002, '}');
    CHECK(event_failure(deep) == "picked.stock.a: unknown field; expected one of site, location, "
                                 "sku, gtin, lot, serial, expiry, status, owner, unit, lpn");

    wharf::v1::Event event;
    CHECK(message_from_json(deep, event, unknown_field::ignore).ok());
}

TEST_CASE("fields that may be unknown are skipped with all they hold") {
    wharf::v1::BatchAnswer answer;
    const auto how = message_from_json(
        R"({"trace":[1,{"items":7,"x":null}],"items":[{"idempotency_key":"k","took_ms":1.5,)"
        R"("status":"applied","warnings":{"a":[[]]}},{"idempotency_key":"l"}],"took":2})",
        answer, unknown_field::ignore);
    REQUIRE(how.ok());
    REQUIRE(answer.items_size() == 2);
    CHECK(answer.items(0).status() == wharf::v1::ITEM_STATUS_APPLIED);
    CHECK(answer.items(1).idempotency_key() == "l");
    // What is known is still held to its type.
    CHECK(
        message_from_json(R"({"x":{},"items":[{"status":"great"}]})", answer, unknown_field::ignore)
            .failure()
            .message.starts_with("items[0].status: expected one of applied, "));
}

TEST_CASE("names out of a text are shown cut and without control characters") {
    const std::string name = "a\\u0007\\n" + std::string(200, 'n');
    CHECK(event_failure("{\"" + name + "\":1}") ==
          "a??" + std::string(61, 'n') + "...: unknown field");
    CHECK(event_failure("{\"shipped\":{\"extent\":\"" + std::string(63, 'n') + "\xc3\xa9\"}}") ==
          "shipped.extent: expected one of partial, final, got \"" + std::string(63, 'n') +
              "...\"");
}
