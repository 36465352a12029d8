// Delivery's requests and the books that follow them.
#include "gateway/journal/format.hpp"
#include "tests/unit/journal/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

namespace {

void ingest_some(rig& r, int count) {
    r.connect();
    for (int i = 0; i < count; ++i)
        r.ingest_one({{"k" + std::to_string(i)}, "a"});
}

} // namespace

TEST_CASE("each settlement moves an update from pending to its own place in the books") {
    rig r;
    ingest_some(r, 6);
    r.commit(
        {deliver({settle_update{1, settlement::applied}, settle_update{2, settlement::handed_over},
                  settle_update{3, settlement::filtered}, settle_update{4, settlement::superseded},
                  settle_update{5, settlement::discarded}})});
    CHECK(r.books().pending() == 1);
    CHECK(r.books().applied() == 1);
    CHECK(r.books().handed_over() == 1);
    CHECK(r.books().filtered() == 1);
    CHECK(r.books().superseded() == 1);
    CHECK(r.books().discarded() == 1);
    r.commit({deliver({settle_update{6, settlement::shed}})});
    CHECK(r.books().shed() == 1);
    r.power_cut();
    CHECK(r.books().pending() == 0);
    CHECK(r.books().shed() == 1);
}

TEST_CASE("a parked update counts as dead only while it is dead") {
    rig r;
    ingest_some(r, 1);
    r.commit({deliver({park_update{1, parked(wharf::v1::PARKED_STATE_WAITING, {5})}})});
    CHECK(r.books().pending() == 1);
    r.commit({deliver({park_update{1, parked(wharf::v1::PARKED_STATE_DEAD, {5})}})});
    CHECK(r.books().pending() == 0);
    CHECK(r.books().dead() == 1);
    r.commit({deliver({park_update{1, parked(wharf::v1::PARKED_STATE_DEAD, {5})}})});
    CHECK(r.books().dead() == 1);
    SECTION("tried again and applied") {
        r.commit({deliver({park_update{1, parked(wharf::v1::PARKED_STATE_RETRY, {5})}})});
        CHECK(r.books().dead() == 0);
        CHECK(r.books().pending() == 1);
        r.commit({deliver({settle_parked{1, settlement::applied}})});
        CHECK(r.books().applied() == 1);
    }
    SECTION("or discarded") {
        r.commit({deliver({settle_parked{1, settlement::discarded}})});
        CHECK(r.books().dead() == 0);
        CHECK(r.books().discarded() == 1);
    }
    CHECK_FALSE(r.view().parked(0, 1)->has_value());
    CHECK(r.view().parked_keys(0, 0, 10)->empty());
}

TEST_CASE("seals, marks and low-water marks are there after a power cut") {
    rig r;
    ingest_some(r, 5);
    seal_batch seal{3, {}};
    seal.content.set_digest("digest");
    seal.content.add_items()->set_sequence(2);
    r.commit(
        {deliver({settle_update{1, settlement::applied}, advance_low_water{lane::inventory, 1},
                  settle_update{4, settlement::applied}, set_mark{lane::inventory, 4}, seal})});
    r.power_cut();
    auto state = r.view().delivery(0);
    REQUIRE(state.ok());
    CHECK(state->low_water[index_of(lane::inventory)] == 1);
    CHECK(state->low_water[index_of(lane::shipment)] == 0);
    CHECK(state->marks[index_of(lane::inventory)] == std::vector<sequence>{4});
    REQUIRE(state->open_batches.size() == 1);
    CHECK(state->open_batches[0].batch == 3);
    CHECK(state->open_batches[0].content.digest() == "digest");
    r.commit({deliver({close_batch{3}, clear_mark{lane::inventory, 4}})});
    state = r.view().delivery(0);
    CHECK(state->open_batches.empty());
    CHECK(state->marks[index_of(lane::inventory)].empty());
}

TEST_CASE("two destinations keep their own books and marks") {
    rig r({"erp", "legacy"});
    ingest_some(r, 2);
    r.commit({deliver(
        {settle_update{1, settlement::applied}, advance_low_water{lane::inventory, 1}}, 1)});
    CHECK(r.books(0).pending() == 2);
    CHECK(r.books(1).pending() == 1);
    CHECK(r.view().delivery(0)->low_water[1] == 0);
    CHECK(r.view().delivery(1)->low_water[1] == 1);
}

TEST_CASE("a rolled back delivery request changes neither the books nor the marks") {
    rig r;
    ingest_some(r, 2);
    auto before = r.store.read_all();
    r.roll_back(
        {deliver({settle_update{1, settlement::applied}, advance_low_water{lane::inventory, 1},
                  park_update{2, parked(wharf::v1::PARKED_STATE_DEAD, {5})}})});
    CHECK(r.store.read_all() == before);
    CHECK(r.books().pending() == 2);
    r.commit(
        {deliver({settle_update{1, settlement::applied}, advance_low_water{lane::inventory, 1}})});
    CHECK(r.books().applied() == 1);
}

TEST_CASE("a destination configured later starts with what comes then") {
    rig r;
    ingest_some(r, 3);
    r.options.destinations = {"erp", "legacy"};
    r.restart();
    CHECK(r.books(1).filtered() == 3);
    CHECK(r.books(1).pending() == 0);
    CHECK(r.view().delivery(1)->low_water[1] == 3);
    r.connect();
    r.ingest_one({{"new"}, "a"});
    CHECK(r.books(1).pending() == 1);
    CHECK(r.books(0).pending() == 4);
}

TEST_CASE("a destination with pending updates cannot be left out of the configuration") {
    rig r;
    ingest_some(r, 1);
    r.options.destinations = {"other"};
    auto opened = r.try_open();
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.failure().code == errc::conflict);
    CHECK_THAT(opened.failure().message, Catch::Contains("\"erp\"") && Catch::Contains("1 undeli"));
}

TEST_CASE("what comes while a destination is left out is not for it, and it can come back") {
    rig r({"erp", "legacy"});
    ingest_some(r, 1);
    r.commit({deliver({settle_update{1, settlement::applied}, set_mark{lane::inventory, 1}}, 1)});
    r.options.destinations = {"erp"};
    r.restart();
    r.connect();
    r.ingest_one({{"meanwhile"}, "a"});
    CHECK(r.books(1).filtered() == 1);
    r.options.destinations = {"legacy", "erp"};
    r.restart();
    CHECK(r.under_test().destinations() == std::vector<std::uint8_t>{1, 0});
    auto state = r.view().delivery(1);
    CHECK(state->low_water[1] == 2);
    CHECK(state->marks[1].empty());
    r.connect();
    r.ingest_one({{"new"}, "a"});
    CHECK(r.books(1).pending() == 1);
    CHECK(r.books(0).pending() == 3);
}

TEST_CASE("a destination configured twice is an error") {
    rig r;
    r.options.destinations = {"erp", "erp"};
    auto opened = r.try_open();
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.failure().code == errc::invalid);
}
