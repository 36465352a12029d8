#include "gateway/codec/validate.hpp"

#include "gateway/codec/json_codec.hpp"

#include <catch2/catch.hpp>

using namespace wharf;

namespace {

wharf::v1::Event event_of(std::string_view json) {
    wharf::v1::Event event;
    const auto how = message_from_json(json, event);
    INFO((how.ok() ? std::string() : how.failure().message));
    REQUIRE(how.ok());
    return event;
}

std::string judged(wharf::v1::Event event) {
    const auto how = validate(event, "ber1", "scanner-07");
    return how.ok() ? "valid" : how.failure().message;
}
std::string judged(std::string_view json) {
    return judged(event_of(json));
}

// An adjustment with some of its fields replaced.
std::string adjusted(std::string_view stock,
                     std::string_view delta = R"({"value":"1","unit":"EA"})",
                     std::string_view envelope = "") {
    return std::string("{") + std::string(envelope) + R"("inventory_adjusted":{"stock":{)" +
           std::string(stock) + R"(},"delta":)" + std::string(delta) + R"(,"reason":"found"}})";
}

constexpr std::string_view k_stock = R"("location":"A-01","sku":"4711")";
const std::string k_one = R"({"value":"1","unit":"EA"})";

std::string with_envelope(std::string_view envelope) {
    return adjusted(k_stock, k_one, envelope);
}

} // namespace

TEST_CASE("what has a default is filled in") {
    auto event = event_of(adjusted(k_stock, R"({"value":"-2.500","unit":"KGM"})"));
    REQUIRE(validate(event, "ber1", "scanner-07").ok());
    CHECK(event.source() == "scanner-07");
    const auto& stock = event.inventory_adjusted().stock();
    CHECK(stock.site() == "ber1");
    CHECK(stock.unit() == "KGM");
    CHECK(stock.status() == wharf::v1::STOCK_STATUS_AVAILABLE);
    CHECK(event.inventory_adjusted().delta().value().coefficient() == -25);
    CHECK(event.inventory_adjusted().delta().value().scale() == 1);
}

TEST_CASE("a source may speak for others") {
    auto event = event_of(with_envelope(R"("source":"wms",)"));
    REQUIRE(validate(event, "ber1", "scanner-07").ok());
    CHECK(event.source() == "wms");
}

TEST_CASE("the destination of a move is its origin where it says nothing else") {
    auto event =
        event_of(R"({"stock_moved":{"from":{"location":"A","sku":"1","lot":"L","status":)"
                 R"("quality"},"to":{"location":"B"},"quantity":{"value":"1","unit":"EA"}}})");
    REQUIRE(validate(event, "ber1", "scanner-07").ok());
    const auto& to = event.stock_moved().to();
    CHECK(to.location() == "B");
    CHECK(to.sku() == "1");
    CHECK(to.lot() == "L");
    CHECK(to.status() == wharf::v1::STOCK_STATUS_QUALITY);
    CHECK(to.unit() == "EA");
    CHECK(to.site() == "ber1");
}

TEST_CASE("a reversal of one's own event names its source") {
    auto event = event_of(with_envelope(R"("event_id":"b","reversal":{"event_id":"a"},)"));
    REQUIRE(validate(event, "ber1", "scanner-07").ok());
    CHECK(event.reversal().source() == "scanner-07");
}

TEST_CASE("a rule that the stock or the quantity breaks is named with its path") {
    const auto [json, expected] = GENERATE(table<std::string, std::string>({
        {"{}", "expected one of the event kinds, such as inventory_adjusted, got none"},
        {R"({"inventory_adjusted":{}})", "inventory_adjusted.delta: required"},
        {R"({"inventory_adjusted":{"delta":{"value":"1","unit":"EA"}}})",
         "inventory_adjusted.stock: required"},
        {R"({"inventory_adjusted":{"stock":{"location":"A","sku":"1"},"delta":{"value":"1","unit":"EA"}}})",
         "inventory_adjusted.reason: required"},
        {adjusted(R"("sku":"4711")"), "inventory_adjusted.stock.location: required"},
        {adjusted(R"("location":"A")"), "inventory_adjusted.stock.sku: sku or gtin is required"},
        {adjusted(R"("location":"A","gtin":"09520123456789")"),
         "inventory_adjusted.stock.gtin: expected a GTIN-14 with a valid check digit, got "
         "\"09520123456789\""},
        {adjusted(R"("location":"A","gtin":"9520123456788")"),
         "inventory_adjusted.stock.gtin: expected a GTIN-14 (14 digits), got \"9520123456788\""},
        {adjusted(R"("location":"A","sku":"1","site":"ham2")"),
         "inventory_adjusted.stock.site: expected the topic's site \"ber1\", got \"ham2\""},
        {adjusted(R"("location":"A","sku":"1","unit":"KGM")"),
         "inventory_adjusted.stock.unit: expected the quantity's unit \"EA\", got \"KGM\""},
        {adjusted(R"("location":"A","sku":"1","expiry":"2026-02-30")"),
         "inventory_adjusted.stock.expiry: expected a date as YYYY-MM-DD: there is no such day, "
         "got "
         "\"2026-02-30\""},
        {adjusted(R"("location":"A","sku":"1","lpn":"395201234500000014")"),
         "inventory_adjusted.stock.lpn: expected an SSCC with a valid check digit, got "
         "\"395201234500000014\""},
        {adjusted(R"("location":"A","sku":"a\u0000b")"),
         "inventory_adjusted.stock.sku: expected text without control characters, got \"a?b\""},
        {adjusted(R"("location":"A","sku":"a\u0085")"),
         "inventory_adjusted.stock.sku: expected text without control characters, got "
         "\"a?\""},
        {adjusted(R"("location":"A","sku":")" + std::string(65, 'x') + "\""),
         "inventory_adjusted.stock.sku: expected at most 64 bytes, got 65"},
        {adjusted(k_stock, R"({"value":"0.00","unit":"EA"})"),
         "inventory_adjusted.delta.value: expected not zero, got 0"},
        {adjusted(k_stock, R"({"unit":"EA"})"), "inventory_adjusted.delta.value: required"},
        {adjusted(k_stock, R"({"value":"1"})"), "inventory_adjusted.delta.unit: expected a UN/ECE "
                                                "Recommendation 20 code: 1 to 3 upper-case "
                                                "letters or digits, such as EA or KGM, got \"\""},
        {adjusted(k_stock, R"({"value":"1","unit":"each"})"),
         "inventory_adjusted.delta.unit: expected a UN/ECE Recommendation 20 code: 1 to 3 "
         "upper-case "
         "letters or digits, such as EA or KGM, got \"each\""},
    }));
    CAPTURE(json);
    CHECK(judged(json) == expected);
}

TEST_CASE("a licence plate of a site's own is not taken for an SSCC") {
    CHECK(judged(adjusted(R"("location":"A","sku":"1","lpn":"LP-000123")")) == "valid");
    CHECK(judged(adjusted(R"("location":"A","sku":"1","lpn":"395201234500000015")")) == "valid");
}

TEST_CASE("a rule that the envelope breaks is named with its path") {
    const auto [envelope, expected] = GENERATE(table<std::string, std::string>({
        {"\"traceparent\":\"" + std::string(257, 'x') + "\",",
         "traceparent: expected at most 256 bytes, got 257"},
        {"\"tracestate\":\"" + std::string(1025, 'x') + "\",",
         "tracestate: expected at most 1024 bytes, got 1025"},
        {R"("references":[{"type":"order"}],)", "references[0].id: required"},
        {R"("references":[{"id":"1"}],)", "references[0].type: required"},
        {R"("event_id":"a","error_declaration":{},)", "error_declaration.declared_at: required"},
        {R"("error_declaration":{"declared_at":"2026-03-02T10:00:00Z"},)",
         "event_id: required with error_declaration: the id of the event that is declared wrong"},
        {R"("event_id":"a","error_declaration":{"declared_at":"2026-03-02T10:00:00Z",)"
         R"("corrective_event_ids":["x",""]},)",
         "error_declaration.corrective_event_ids[1]: expected an event's id, got \"\""},
        {R"("reversal":{},)", "reversal.event_id: required"},
        {R"("event_id":"a","reversal":{"event_id":"a"},)",
         "reversal.event_id: expected another event than this one, got \"a\""},
        {"\"event_id\":\"" + std::string(129, 'x') + "\",",
         "event_id: expected at most 128 bytes, got 129"},
        {"\"correlation_id\":\"" + std::string(129, 'x') + "\",",
         "correlation_id: expected at most 128 bytes, got 129"},
        {"\"user\":\"" + std::string(65, 'x') + "\",", "user: expected at most 64 bytes, got 65"},
        {R"("user":"a\nb",)", "user: expected text without control characters, got \"a?b\""},
    }));
    CAPTURE(envelope);
    CHECK(judged(with_envelope(envelope)) == expected);
}

TEST_CASE("lists have bounds") {
    auto event = event_of(with_envelope(""));
    for (int i = 0; i < 17; ++i) {
        event.add_references()->set_type("order");
        event.mutable_references(i)->set_id("1");
    }
    CHECK(judged(event) == "references: expected at most 16, got 17");
    event.mutable_references()->RemoveLast();
    CHECK(judged(event) == "valid");

    event.set_event_id("a");
    event.mutable_error_declaration()->mutable_declared_at();
    for (int i = 0; i < 17; ++i)
        event.mutable_error_declaration()->add_corrective_event_ids("x");
    CHECK(judged(event) == "error_declaration.corrective_event_ids: expected at most 16, got 17");

    wharf::v1::Event packed;
    packed.mutable_packed()->set_package("P");
    for (int i = 0; i < 65; ++i) {
        auto& line = *packed.mutable_packed()->add_contents();
        line.mutable_stock()->set_sku("1");
        line.mutable_quantity()->mutable_value()->set_coefficient(1);
        line.mutable_quantity()->set_unit("EA");
    }
    CHECK(judged(packed) == "packed.contents: expected at most 64 lines, got 65");
    packed.mutable_packed()->mutable_contents()->RemoveLast();
    CHECK(judged(packed) == "valid");
}

TEST_CASE("each kind keeps the rules of its own fields") {
    const std::string line = R"("stock":{"location":"A","sku":"1"},"quantity":)";
    const std::string zero = R"({"value":"0","unit":"EA"})";
    const std::string negative = R"({"value":"-1","unit":"EA"})";
    const auto [json, expected] = GENERATE_COPY(table<std::string, std::string>({
        {R"({"inventory_counted":{"stock":{"location":"A","sku":"1"},"counted":)" + negative + "}}",
         "inventory_counted.counted.value: expected not less than zero, got -1"},
        {R"({"inventory_counted":{"stock":{"location":"A","sku":"1"},"counted":)" + zero + "}}",
         "valid"},
        {R"({"stock_moved":{"from":{"location":"A","sku":"1"},"to":{},"quantity":)" + k_one + "}}",
         "stock_moved.to: expected to differ from `from` in at least one field"},
        {R"({"stock_moved":{"from":{"location":"A","sku":"1"},"quantity":)" + k_one + "}}",
         "stock_moved.to: required"},
        {R"({"stock_moved":{"to":{"location":"A","sku":"1"},"quantity":)" + k_one + "}}",
         "stock_moved.from: required"},
        {R"({"stock_moved":{"quantity":)" + zero + "}}",
         "stock_moved.quantity.value: expected more than zero, got 0"},
        {R"({"stock_status_changed":{)" + line + k_one + "}}",
         "stock_status_changed.new_status: required"},
        {R"({"stock_status_changed":{)" + line + k_one + R"(,"new_status":"available"}})",
         "stock_status_changed.new_status: expected another status than stock.status"},
        {R"({"reserved":{)" + line + zero + "}}",
         "reserved.quantity.value: expected more than zero, got 0"},
        {R"({"released":{)" + line + zero + "}}",
         "released.quantity.value: expected more than zero, got 0"},
        {R"({"received":{)" + line + negative + "}}",
         "received.quantity.value: expected more than zero, got -1"},
        {R"({"picked":{)" + line + zero + "}}", "valid"},
        {R"({"picked":{)" + line + negative + "}}",
         "picked.quantity.value: expected not less than zero, got -1"},
        {R"({"packed":{"shipment":"S"}})", "packed.package: package or sscc is required"},
        {R"({"packed":{"sscc":"39520123450000001"}})",
         "packed.sscc: expected an SSCC (18 digits), got \"39520123450000001\""},
        {R"({"packed":{"package":"P","contents":[{"quantity":)" + k_one + "}]}}",
         "packed.contents[0].stock: required"},
        {R"({"packed":{"package":"P","contents":[{"stock":{"sku":"1"}}]}})",
         "packed.contents[0].quantity: required"},
        {R"({"packed":{"package":"P","contents":[{"stock":{"sku":"1"},"quantity":)" + zero + "}]}}",
         "packed.contents[0].quantity.value: expected more than zero, got 0"},
        {R"({"shipped":{)" + line + k_one + R"(,"extent":"final"}})", "shipped.shipment: required"},
        {R"({"shipped":{)" + line + k_one + R"(,"shipment":"S"}})",
         "shipped.extent: required: partial or final"},
        {R"({"milestone":{"code":"departed"}})", "milestone.shipment: required"},
        {R"({"milestone":{"shipment":"S"}})", "milestone.code: required"},
        {R"({"returned":{)" + line + k_one + "}}", "returned.rma: required"},
        {R"({"disposition":{)" + line + k_one + R"(,"step":"scrap"}})",
         "disposition.rma: required"},
        {R"({"disposition":{)" + line + k_one + R"(,"rma":"R"}})", "disposition.step: required"},
    }));
    CAPTURE(json);
    CHECK(judged(json) == expected);
}

TEST_CASE("values that only protobuf can carry are checked too") {
    auto event = event_of(with_envelope(""));
    event.mutable_inventory_adjusted()->mutable_delta()->mutable_value()->set_scale(10);
    CHECK(judged(event) ==
          "inventory_adjusted.delta.value: expected at most 18 digits, at most 9 of "
          "them after the point");
    event = event_of(with_envelope(""));
    event.mutable_occurred_at()->set_nanos(-1);
    CHECK(
        judged(event) ==
        "occurred_at: expected a time from the year 0001 to 9999 with 0 to 999999999 nanoseconds");
    event = event_of(with_envelope(""));
    event.mutable_inventory_adjusted()->mutable_stock()->set_status(
        static_cast<wharf::v1::StockStatus>(42));
    CHECK(judged(event) == "inventory_adjusted.stock.status: expected one of available, allocated, "
                           "quality, damaged, blocked, in_transit, returned, got 42");
}

TEST_CASE("a name is UTF-8 text of a bounded length without control characters") {
    CHECK(check_name("site", "ber1").ok());
    CHECK(check_name("site", "K\xc3\xb6ln").ok());
    CHECK(check_name("site", std::string(64, 'x')).ok());
    CHECK(check_name("site", "").failure().message == "site: expected 1 to 64 bytes, got 0");
    CHECK(check_name("site", std::string(65, 'x')).failure().message ==
          "site: expected 1 to 64 bytes, got 65");
    CHECK(check_name("site", "a\x97").failure().message ==
          "site: expected UTF-8 text, got \"6197\"");
    CHECK(check_name("site", "a\tb").failure().message ==
          "site: expected text without control characters, got \"a?b\"");
}
