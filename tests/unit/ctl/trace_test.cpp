// Traces over a journal: what is found, and what is said of each destination.
#include "firmware/views/trace.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/codec/json_codec.hpp"
#include "gateway/identity/rules.hpp"
#include "tests/unit/journal/rig.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace wharf;
using wharf::test::deliver;
using wharf::test::rig;

namespace {

using json = nlohmann::ordered_json;

prepared_item packed(const std::string& id, const std::string& package,
                     const std::string& correlation = "", const std::string& order = "SO-1") {
    v1::StoredEvent stored;
    const std::string text = R"({"site": "ber1", "device": "packer-1", "stream": "pack",
        "received_at_us": "1772445600000000", "event": {"source": "packer-1", "event_id": ")" +
                             id + R"(", "correlation_id": ")" + correlation + R"(", "packed": {
        "package": ")" + package +
                             R"(", "order": ")" + order + R"("}}})";
    REQUIRE(message_from_json(text, stored).ok());
    prepared_event event;
    event.in_lane = lane::shipment;
    event.identity_keys = test::keys_of({id});
    event.content = test::content_of(id);
    event.order_keys = order_keys_of(stored.event());
    event.stored = stored.SerializeAsString();
    return {0, event};
}

prepared_message message(std::vector<prepared_item> items) {
    auto out = test::make_message({});
    out.items = std::move(items);
    return out;
}

v1::TraceCommand by_event(const std::string& id) {
    v1::TraceCommand out;
    out.set_event_id(id);
    return out;
}

json trace(rig& on, const v1::TraceCommand& asked) {
    auto made = views::trace_json(on.store, asked);
    if (!made.ok()) FAIL(made.failure().message);
    return *made;
}

seal_batch sealed(batch_number number, std::vector<sequence> items) {
    seal_batch out{number, {}};
    out.content.set_sealed_at_us(1'772'445'600'000'000);
    for (const sequence one : items)
        out.content.add_items()->set_sequence(one);
    return out;
}

} // namespace

TEST_CASE("a trace says when, from where and how an event was taken") {
    rig on;
    on.connect();
    on.ingest(message({packed("p-1", "PK-1", "c-9")}));
    const auto found = trace(on, by_event("p-1"));
    REQUIRE(found["events"].size() == 1);
    const auto& event = found["events"][0];
    CHECK(event["number"] == 1);
    CHECK(event["received"]["at"] == "2026-03-02T10:00:00Z");
    CHECK(event["received"]["device"] == "packer-1");
    CHECK(event["identity"]["decision"] == "accepted");
    CHECK(event["correlation_id"] == "c-9");
    CHECK(event["lane"] == "shipment");
    CHECK(event["stored"]["event"]["packed"]["package"] == "PK-1");
    CHECK(found["not_found_here"].get<std::string>().find("duplicates") == 0);
    const auto& stage = event["destinations"][0];
    CHECK(stage["destination"] == "erp");
    CHECK(stage["state"] == "pending");
    CHECK_FALSE(stage.contains("behind"));
    const std::string key = stage["idempotency_key"];
    CHECK(key.substr(key.size() - 23) == "-00000000000000000001-0");
}

TEST_CASE("a trace finds by number, correlation id, package, order and ordering key, not by more") {
    rig on;
    on.connect();
    on.ingest(message({packed("p-1", "PK-1", "c-9"), packed("p-2", "PK-2", "c-9", "PK-1"),
                       packed("p-10", "PK-3", "c-99", "SO-2")}));
    v1::TraceCommand asked;
    asked.set_sequence(2);
    CHECK(trace(on, asked)["events"][0]["event_id"] == "p-2");
    asked.set_correlation_id("c-9");
    CHECK(trace(on, asked)["found"] == 2);
    // An order of the same name is no package.
    asked.set_shipment("PK-1");
    CHECK(trace(on, asked)["found"] == 1);
    asked.set_order_key("PK-1");
    const auto both = trace(on, asked);
    CHECK(both["found"] == 2);
    std::string digits;
    for (const auto& key : both["events"][0]["order_keys"])
        for (const auto& other : both["events"][1]["order_keys"])
            if (key == other) digits = key;
    REQUIRE(digits.size() == 16);
    asked.set_order_key(digits);
    CHECK(trace(on, asked)["found"] == 2);
    CHECK(trace(on, by_event("p-1"))["found"] == 1); // and not p-10
    CHECK(trace(on, by_event("nobody"))["events"].empty());
}

TEST_CASE("of many the newest are shown, and how many there are is said") {
    rig on;
    on.connect();
    std::vector<prepared_item> items;
    for (int i = 0; i < 30; ++i)
        items.push_back(packed("p-" + std::to_string(i), "PK-" + std::to_string(i), "c-1"));
    on.ingest(message(std::move(items)));
    v1::TraceCommand asked;
    asked.set_correlation_id("c-1");
    asked.set_count_max(2);
    const auto found = trace(on, asked);
    CHECK(found["found"] == 30);
    REQUIRE(found["events"].size() == 2);
    CHECK(found["events"][0]["number"] == 29);
    CHECK(found["events"][1]["number"] == 30);
}

TEST_CASE("a journal of many pages is looked through to its end, a bounded page at a time") {
    rig on;
    on.connect();
    std::size_t events = 0;
    while (events <= limits::k_trace_scan_max) {
        std::vector<prepared_item> items;
        for (int i = 0; i < 256; ++i, ++events)
            items.push_back(packed("p-" + std::to_string(events), "PK", "c-1"));
        on.ingest(message(std::move(items)));
    }
    auto of = views::tracer::make(on.store, by_event("p-" + std::to_string(events - 1)));
    REQUIRE(of.ok());
    auto first = of->step();
    REQUIRE(first.ok());
    CHECK_FALSE(*first);
    auto second = of->step();
    REQUIRE(second.ok());
    CHECK(*second);
    CHECK((*of->answer())["found"] == 1);
    CHECK((*of->answer())["looked_at"] == events);
}

TEST_CASE("a trace says behind what an update waits, in which batch it flies, why it is dead") {
    rig on;
    on.connect();
    on.ingest(message({packed("p-1", "PK-1"), packed("p-2", "PK-1"), packed("p-3", "PK-1")}));
    const auto stage = [&](const std::string& id) {
        return trace(on, by_event(id))["events"][0]["destinations"][0];
    };
    CHECK(stage("p-2")["behind"][0]["number"] == 1);
    CHECK(stage("p-2")["behind"][0]["state"] == "pending");

    on.commit({deliver({sealed(77, {1})})});
    CHECK(stage("p-1")["state"] == "in_flight");
    CHECK(stage("p-1")["batch"]["items"] == 1);

    auto dead = test::parked(v1::PARKED_STATE_DEAD, {1, 2}, lane::shipment);
    dead.set_code("no_such_order");
    dead.set_message("order SO-1 is not known");
    dead.set_revision(1);
    dead.set_blocks(true);
    on.commit(
        {deliver({park_update{1, dead}, close_batch{77}, advance_low_water{lane::shipment, 1}})});
    CHECK(stage("p-1")["state"] == "dead");
    CHECK(stage("p-1")["message"] == "order SO-1 is not known");
    CHECK(stage("p-1")["revision"] == 1);
    CHECK(stage("p-2")["behind"][0]["state"] == "dead");

    on.commit({deliver({settle_parked{1, settlement::applied}})});
    CHECK(stage("p-1")["state"] == "applied");
    CHECK_FALSE(stage("p-2").contains("behind"));
    on.commit(
        {deliver({settle_update{2, settlement::shed}, advance_low_water{lane::shipment, 2}})});
    // The journal counts how updates ended and does not keep it of each.
    CHECK(stage("p-2")["state"] == "settled");
    CHECK(stage("p-2")["as_one_of"] == json::array({"applied", "shed"}));
}

TEST_CASE("what may be about it in quarantine is named") {
    rig on;
    on.connect();
    on.ingest(message({packed("p-1", "PK-1")}));
    on.ingest(test::make_unreadable("{\"event_id\": \"p-1\", \"packed\": 7}"));
    on.ingest(test::make_unreadable("something else"));
    auto other = packed("p-1", "PK-2");
    std::get<prepared_event>(other.what).content = test::content_of("another");
    on.ingest(message({other}));
    const auto found = trace(on, by_event("p-1"));
    REQUIRE(found["quarantined"].size() == 2);
    CHECK(found["quarantined"][0]["number"] == 1);
    CHECK(found["quarantined"][1]["contradicts"] == 1);
}

TEST_CASE("a trace of nothing is refused with words, and of what is gone with numbers") {
    rig on;
    on.connect();
    CHECK(views::tracer::make(on.store, {}).failure().code == errc::invalid);
    CHECK(views::tracer::make(on.store, by_event("")).failure().code == errc::invalid);
    v1::TraceCommand asked;
    asked.set_shipment(std::string(65, 'x'));
    CHECK(views::tracer::make(on.store, asked).failure().code == errc::invalid);
    asked.set_sequence(7);
    const auto gone = views::trace_json(on.store, asked);
    REQUIRE_FALSE(gone.ok());
    CHECK(gone.failure().code == errc::not_found);
}
