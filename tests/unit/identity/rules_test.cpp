#include "gateway/identity/rules.hpp"
#include "tests/support/identities.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/codec/json_codec.hpp"
#include "gateway/codec/validate.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace wharf;

namespace {

wharf::v1::Event event_of(std::string_view json, std::string_view device = "scanner-07") {
    wharf::v1::Event event;
    const auto read = message_from_json(json, event);
    INFO((read.ok() ? std::string() : read.failure().message));
    REQUIRE(read.ok());
    const auto valid = validate(event, "ber1", device);
    INFO((valid.ok() ? std::string() : valid.failure().message));
    REQUIRE(valid.ok());
    return event;
}

event_identity identity_of_json(std::string_view json, std::string_view device = "scanner-07") {
    auto event = event_of(json, device);
    const auto before = event.SerializeAsString();
    auto identity = identity_of(event, test::k_digests);
    CHECK(event.SerializeAsString() == before);
    return identity;
}

bool share_key(const event_identity& a, const event_identity& b) {
    return std::find_first_of(a.keys.begin(), a.keys.end(), b.keys.begin(), b.keys.end()) !=
           a.keys.end();
}
bool same(const event_identity& a, const event_identity& b) {
    return share_key(a, b) && a.content == b.content;
}
bool contradict(const event_identity& a, const event_identity& b) {
    return share_key(a, b) && a.content != b.content;
}

const std::string k_line = R"("stock":{"location":"A-01","sku":"4711"},)"
                           R"("quantity":{"value":"1","unit":"EA"})";

std::string adjusted(std::string_view envelope, std::string_view more = "",
                     std::string_view value = "1") {
    return "{" + std::string(envelope) +
           R"("inventory_adjusted":{"stock":{"location":"A-01","sku":"4711"},"delta":{"value":")" +
           std::string(value) + R"(","unit":"EA"},"reason":"found")" + std::string(more) + "}}";
}

std::string received(std::string_view envelope, std::string_view sequence = "1",
                     std::string_view line = "1") {
    return "{" + std::string(envelope) + R"("received":{)" + k_line +
           R"(,"receipt":"GR-1","line":")" + std::string(line) + R"(","sequence":)" +
           std::string(sequence) + "}}";
}

bool share_order(std::string_view a, std::string_view b) {
    const auto left = order_keys_of(event_of(a));
    const auto right = order_keys_of(event_of(b));
    return std::find_first_of(left.begin(), left.end(), right.begin(), right.end()) != left.end();
}

} // namespace

// --- native ids
// ------------------------------------------------------------------------------------

TEST_CASE("a source's own id makes an event the same, however it travelled") {
    const auto first = identity_of_json(adjusted(R"("event_id":"a","device_sequence":1,)"));
    CHECK(same(first, identity_of_json(adjusted(R"("event_id":"a","device_sequence":1,)"))));
    CHECK(same(first, identity_of_json(adjusted(
                          R"("event_id":"a","device_sequence":9,"correlation_id":"x",)"))));
    CHECK_FALSE(share_key(first, identity_of_json(adjusted(R"("event_id":"b",)"))));
    CHECK_FALSE(share_key(first, identity_of_json(adjusted(R"("event_id":"a",)"), "scanner-08")));
    // The device of the topic is the source where none is given.
    CHECK(same(first, identity_of_json(adjusted(R"("source":"scanner-07","event_id":"a",)"), "x")));
}

TEST_CASE("the same id with other content is a contradiction") {
    const auto first = identity_of_json(adjusted(R"("event_id":"a",)"));
    CHECK(contradict(first, identity_of_json(adjusted(R"("event_id":"a",)", "", "2"))));
    CHECK(contradict(first, identity_of_json(adjusted(
                                R"("event_id":"a","occurred_at":"2026-03-02T10:00:00Z",)"))));
    CHECK(contradict(first, identity_of_json(adjusted(R"("event_id":"a","user":"x",)"))));
}

TEST_CASE("content is compared in canonical form") {
    CHECK(same(identity_of_json(adjusted(R"("event_id":"a",)", "", "2")),
               identity_of_json(adjusted(R"("event_id":"a",)", "", "2.000"))));
}

TEST_CASE("an error declaration is another event than the one whose id it repeats") {
    const std::string declared =
        R"("event_id":"a","error_declaration":{"declared_at":"2026-03-02T10:00:00Z"},)";
    const std::string later =
        R"("event_id":"a","error_declaration":{"declared_at":"2026-03-02T10:00:01Z"},)";
    const std::string document = R"(,"document":"D","line":"1")";
    const auto first = identity_of_json(adjusted(R"("event_id":"a",)", document));
    const auto declaration = identity_of_json(adjusted(declared, document));
    CHECK_FALSE(share_key(first, declaration));
    CHECK(same(declaration, identity_of_json(adjusted(declared, document))));
    CHECK_FALSE(share_key(declaration, identity_of_json(adjusted(later, document))));
}

// --- business keys
// ---------------------------------------------------------------------------------

TEST_CASE("a receipt posted again under a new message id, or by another source, is the same") {
    const auto first = identity_of_json(received(R"("event_id":"m-1",)"));
    CHECK(first.keys.size() == 2);
    CHECK(same(first, identity_of_json(received(R"("event_id":"m-2",)"))));
    CHECK(same(first, identity_of_json(received(R"("source":"wms",)"))));
    CHECK(same(first, identity_of_json(received(""))));
    CHECK_FALSE(share_key(first, identity_of_json(received(R"("event_id":"m-2",)", "2"))));
    CHECK_FALSE(share_key(first, identity_of_json(received(R"("event_id":"m-2",)", "1", "2"))));
}

TEST_CASE("a reversal is another event than what it takes back") {
    const auto first = identity_of_json(received(R"("event_id":"m-1",)"));
    const auto reversal = identity_of_json(received(R"("reversal":{"event_id":"m-1"},)"));
    CHECK_FALSE(share_key(first, reversal));
    CHECK(same(reversal, identity_of_json(received(R"("reversal":{"event_id":"m-1"},)"))));
    CHECK_FALSE(
        share_key(reversal, identity_of_json(received(R"("reversal":{"event_id":"m-9"},)"))));
}

TEST_CASE(
    "each kind has a business key when all of its parts are there, and none when one is not") {
    struct row {
        const char* kind;
        std::string complete;
        std::vector<std::string> parts; // leaving out any of them leaves no key
        std::string numbered;           // another number is another event
    };
    const auto each = GENERATE(values<row>({
        {"inventory_adjusted", "", {R"("document":"D")", R"("line":"1")"}, ""},
        {"inventory_counted", "", {R"("document":"D")"}, R"("revision":1)"},
        {"stock_moved", "", {R"("task":"T")", R"("line":"1")"}, R"("sequence":1)"},
        {"stock_status_changed",
         R"("new_status":"blocked")",
         {R"("document":"D")", R"("line":"1")"},
         R"("sequence":1)"},
        {"reserved", "", {R"("document":"D")", R"("line":"1")"}, R"("sequence":1)"},
        {"released", "", {R"("document":"D")", R"("line":"1")"}, R"("sequence":1)"},
        {"received", "", {R"("receipt":"D")", R"("line":"1")"}, R"("sequence":1)"},
        {"picked", "", {R"("task":"D")", R"("line":"1")"}, R"("sequence":1)"},
        {"shipped",
         R"("shipment":"S","extent":"final")",
         {R"("package":"P")", R"("line":"1")"},
         R"("revision":1)"},
        {"milestone",
         R"("shipment":"S","code":"departed")",
         {R"("package":"P")", R"("line":"1")"},
         R"("revision":1)"},
        {"returned", R"("rma":"R")", {R"("line":"1")"}, R"("sequence":1)"},
        {"disposition", R"("rma":"R","step":"scrap")", {R"("line":"1")"}, R"("sequence":1)"},
    }));
    CAPTURE(each.kind);
    const auto build = [&](std::size_t without, bool numbered) {
        const std::string kind = each.kind;
        std::string body =
            kind == "milestone" ? ""
            : kind == "stock_moved"
                ? R"("from":{"location":"A","sku":"1"},"to":{"location":"B"},"quantity":{"value":"1","unit":"EA"},)"
            : kind == "inventory_adjusted"
                ? R"("stock":{"location":"A","sku":"1"},"delta":{"value":"1","unit":"EA"},"reason":"r",)"
            : kind == "inventory_counted"
                ? R"("stock":{"location":"A","sku":"1"},"counted":{"value":"1","unit":"EA"},)"
                : k_line + ",";
        if (!each.complete.empty()) body += each.complete + ",";
        for (std::size_t i = 0; i < each.parts.size(); ++i)
            if (i != without) body += each.parts[i] + ",";
        if (numbered && !each.numbered.empty()) body += each.numbered + ",";
        body.pop_back();
        return identity_of_json("{\"" + kind + "\":{" + body + "}}");
    };
    const auto whole = build(99, false);
    CHECK(whole.keys.size() == 1);
    CHECK(same(whole, build(99, false)));
    for (std::size_t i = 0; i < each.parts.size(); ++i)
        CHECK(build(i, true).none());
    if (!each.numbered.empty()) CHECK_FALSE(share_key(whole, build(99, true)));
}

TEST_CASE("a package is known by its SSCC, else by its name") {
    const auto packed = [](std::string_view fields) {
        return identity_of_json("{\"packed\":{" + std::string(fields) + "}}");
    };
    const auto by_sscc = packed(R"("sscc":"395201234500000015")");
    CHECK(contradict(by_sscc, packed(R"("sscc":"395201234500000015","package":"P")")));
    CHECK_FALSE(share_key(by_sscc, packed(R"("sscc":"395201234500000015","revision":1)")));
    CHECK_FALSE(share_key(by_sscc, packed(R"("package":"395201234500000015")")));
    CHECK(same(packed(R"("package":"P")"), packed(R"("package":"P")")));
}

TEST_CASE("a carrier's codes and the steps of a return are events of their own") {
    const auto milestone = [](std::string_view code) {
        return identity_of_json(
            R"({"milestone":{"shipment":"S","package":"P","line":"1","code":")" +
            std::string(code) + "\"}}");
    };
    CHECK_FALSE(share_key(milestone("departed"), milestone("delivered")));
    const auto disposition = [](std::string_view step) {
        return identity_of_json("{\"disposition\":{" + k_line +
                                R"(,"rma":"R","line":"1","step":")" + std::string(step) + "\"}}");
    };
    const auto returned =
        identity_of_json("{\"returned\":{" + k_line + R"(,"rma":"R","line":"1"}})");
    CHECK_FALSE(share_key(disposition("inspect"), disposition("scrap")));
    CHECK_FALSE(share_key(disposition("returned"), returned));
}

TEST_CASE("parts of a key cannot run into each other, nor kinds") {
    const auto of = [](std::string_view document, std::string_view line) {
        return identity_of_json(adjusted("", ",\"document\":\"" + std::string(document) +
                                                 "\",\"line\":\"" + std::string(line) + "\""));
    };
    CHECK_FALSE(share_key(of("AB", "C"), of("A", "BC")));
    const auto reserved =
        identity_of_json("{\"reserved\":{" + k_line + R"(,"document":"D","line":"1"}})");
    const auto released =
        identity_of_json("{\"released\":{" + k_line + R"(,"document":"D","line":"1"}})");
    CHECK_FALSE(share_key(reserved, released));
}

// --- content
// ---------------------------------------------------------------------------------------

TEST_CASE("content with a device's time or counter tells an event from its twin") {
    const std::string at = R"("occurred_at":"2026-03-02T10:00:00Z",)";
    const std::string later = R"("occurred_at":"2026-03-02T10:00:00.001Z",)";
    CHECK(same(identity_of_json(adjusted(at)), identity_of_json(adjusted(at))));
    CHECK_FALSE(share_key(identity_of_json(adjusted(at)), identity_of_json(adjusted(later))));
    CHECK_FALSE(share_key(identity_of_json(adjusted(at)), identity_of_json(adjusted(at), "other")));
    const std::string counter = R"("device_sequence":7,)";
    CHECK(same(identity_of_json(adjusted(counter)), identity_of_json(adjusted(counter))));
    CHECK_FALSE(share_key(identity_of_json(adjusted(counter)),
                          identity_of_json(adjusted(R"("device_sequence":8,)"))));
    CHECK(identity_of_json(adjusted(R"("device_sequence":0,)")).keys.size() == 1);
}

TEST_CASE("without id, document, time or counter nothing tells an event from its twin") {
    CHECK(identity_of_json(adjusted("")).none());
    CHECK(identity_of_json(adjusted(R"("user":"x","correlation_id":"c",)")).none());
}

TEST_CASE("content is not a key where a better one exists") {
    const auto with_id = identity_of_json(
        adjusted(R"("event_id":"a","occurred_at":"2026-03-02T10:00:00Z","device_sequence":1,)"));
    CHECK(with_id.keys.size() == 1);
    CHECK_FALSE(
        share_key(with_id, identity_of_json(adjusted(
                               R"("occurred_at":"2026-03-02T10:00:00Z","device_sequence":1,)"))));
}

TEST_CASE("keys are stored, so what they are made of must not change unseen") {
    const auto identity = identity_of_json(adjusted(R"("event_id":"a-1",)"));
    REQUIRE(identity.keys.size() == 1);
    CHECK(to_hex(identity.keys[0].text) == "0101"
                                           "0a00"
                                           "7363616e6e65722d3037"
                                           "0300"
                                           "612d31"
                                           "0000000000000000");
    const auto by_document = identity_of_json(adjusted("", R"(,"document":"D","line":"1")"));
    REQUIRE(by_document.keys.size() == 1);
    CHECK(to_hex(by_document.keys[0].text) == "0201"
                                              "1400000000000000"
                                              "0000000000000000"
                                              "0000000000000000"
                                              "0400"
                                              "62657231"
                                              "0100"
                                              "44"
                                              "0100"
                                              "31");
}

// --- order
// -----------------------------------------------------------------------------------------

TEST_CASE("what touches the same stock stays in order, what touches other stock need not") {
    const auto moved = [](std::string_view from, std::string_view to) {
        return R"({"stock_moved":{"from":{"location":")" + std::string(from) +
               R"(","sku":"4711"},"to":{"location":")" + std::string(to) +
               R"("},"quantity":{"value":"1","unit":"EA"}}})";
    };
    CHECK(share_order(adjusted(""), moved("A-01", "B-01")));
    CHECK(share_order(adjusted(""), moved("B-01", "A-01")));
    CHECK_FALSE(share_order(adjusted(""), moved("B-01", "C-01")));
    CHECK_FALSE(share_order(adjusted(""),
                            R"({"inventory_counted":{"stock":{"location":"A-01","sku":"4711"},)"
                            R"("counted":{"value":"1","unit":"KGM"}}})"));
    CHECK_FALSE(share_order(adjusted(""),
                            R"({"inventory_counted":{"stock":{"location":"A-01","sku":"4711",)"
                            R"("lot":"L"},"counted":{"value":"1","unit":"EA"}}})"));
}

TEST_CASE("a change of status touches the stock before and after") {
    const auto changed = R"({"stock_status_changed":{"stock":{"location":"A-01","sku":"4711",)"
                         R"("status":"quality"},"quantity":{"value":"1","unit":"EA"},)"
                         R"("new_status":"available"}})";
    CHECK(share_order(adjusted(""), changed));
    const auto decided = R"({"disposition":{"stock":{"location":"A-01","sku":"4711",)"
                         R"("status":"returned"},"quantity":{"value":"1","unit":"EA"},)"
                         R"("rma":"R","step":"restock","new_status":"available"}})";
    CHECK(share_order(adjusted(""), decided));
    CHECK(share_order(changed, decided));
}

TEST_CASE("what belongs to the same document stays in order, whatever the field is called") {
    const auto stock = [](std::string_view location) {
        return R"("stock":{"location":")" + std::string(location) +
               R"(","sku":"4711"},"quantity":{"value":"1","unit":"EA"})";
    };
    const auto reserved = "{\"reserved\":{" + stock("A") + R"(,"document":"SO-1"}})";
    const auto picked = "{\"picked\":{" + stock("B") + R"(,"task":"T","order":"SO-1"}})";
    const auto packed = R"({"packed":{"package":"P","order":"SO-1","shipment":"SH-1"}})";
    const auto shipped = "{\"shipped\":{" + stock("D") + R"(,"shipment":"SH-1","extent":"final"}})";
    const auto milestone = R"({"milestone":{"shipment":"SH-1","code":"departed"}})";
    CHECK(share_order(reserved, picked));
    CHECK(share_order(picked, packed));
    CHECK(share_order(packed, shipped));
    CHECK(share_order(shipped, milestone));
    CHECK_FALSE(share_order(picked, milestone));
}

TEST_CASE("a package touches the stock of its lines only where they have a place") {
    const auto packed = [](std::string_view place) {
        return R"({"packed":{"package":"P","contents":[{"stock":{)" + std::string(place) +
               R"("sku":"4711"},"quantity":{"value":"1","unit":"EA"}}]}})";
    };
    CHECK(share_order(adjusted(""), packed(R"("location":"A-01",)")));
    CHECK(order_keys_of(event_of(packed(""))).size() == 1);
}

TEST_CASE("ordering keys are sorted, none twice, and the largest package has room") {
    wharf::v1::Event event;
    auto& packed = *event.mutable_packed();
    packed.set_package("P");
    packed.set_sscc("395201234500000015");
    packed.set_shipment("S");
    packed.set_order("O");
    for (std::size_t i = 0; i < limits::k_packed_lines_max; ++i) {
        auto& line = *packed.add_contents();
        line.mutable_stock()->set_location("A-" + std::to_string(i));
        line.mutable_stock()->set_sku("1");
    }
    auto keys = order_keys_of(event);
    CHECK(keys.size() == limits::k_order_keys_max);
    CHECK(std::is_sorted(keys.begin(), keys.end()));
    for (auto& line : *packed.mutable_contents())
        line.mutable_stock()->set_location("A");
    packed.set_order("P");
    keys = order_keys_of(event);
    CHECK(keys.size() == 4);
    CHECK(std::adjacent_find(keys.begin(), keys.end()) == keys.end());
}
