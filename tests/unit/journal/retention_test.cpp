// What the journal forgets, and what it never does.
#include "gateway/base/limits.hpp"
#include "gateway/journal/inspect.hpp"
#include "tests/unit/journal/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

namespace {

constexpr std::int64_t k_hour_us = std::int64_t{3600} * 1'000'000;

void settle(rig& r, sequence from, sequence to, std::uint8_t destination = 0) {
    std::vector<delivery_op> ops;
    for (sequence n = from; n <= to; ++n)
        ops.emplace_back(settle_update{n, settlement::applied});
    ops.emplace_back(advance_low_water{lane::inventory, to});
    r.commit({deliver(std::move(ops), destination)});
}

std::uint64_t identities(const rig& r) {
    return r.state().next_identity() - r.state().oldest_identity();
}

void ingest_some(rig& r, int count) {
    r.connect();
    for (int i = 0; i < count; ++i)
        r.ingest_one({{"k" + std::to_string(i)}, "a"});
}

} // namespace

TEST_CASE("settled events stay for their time and are gone afterwards") {
    rig r;
    ingest_some(r, 3);
    settle(r, 1, 2);
    r.now_us += k_hour_us - 1;
    r.commit({});
    CHECK(r.has_event(1));
    r.now_us += 1;
    r.commit({});
    CHECK_FALSE(r.has_event(1));
    CHECK_FALSE(r.has_event(2));
    CHECK(r.has_event(3)); // undelivered
    CHECK(r.state().oldest_sequence() == 3);
    r.power_cut();
    CHECK(r.has_event(3));
    CHECK(r.under_test().recovery().undelivered == 1);
}

TEST_CASE("above the quota's share settled events go at once, undelivered ones never") {
    rig r;
    ingest_some(r, 3);
    settle(r, 1, 2);
    r.percent = 70;
    r.commit({});
    CHECK_FALSE(r.has_event(2));
    r.now_us += 100 * k_hour_us;
    r.percent = 99;
    r.commit({});
    CHECK(r.has_event(3));
}

TEST_CASE("an event stays until every destination has it") {
    rig r({"erp", "legacy"});
    ingest_some(r, 1);
    settle(r, 1, 1, 0);
    r.percent = 99;
    r.commit({});
    CHECK(r.has_event(1));
    settle(r, 1, 1, 1);
    r.commit({});
    CHECK_FALSE(r.has_event(1));
}

TEST_CASE("a parked event is left by retention and goes when it is settled") {
    rig r;
    ingest_some(r, 3);
    r.commit({deliver({park_update{2, parked(wharf::v1::PARKED_STATE_DEAD, {5})},
                       settle_update{1, settlement::applied}, settle_update{3, settlement::applied},
                       advance_low_water{lane::inventory, 3}})});
    r.percent = 99;
    r.commit({});
    CHECK_FALSE(r.has_event(1));
    CHECK(r.has_event(2));
    CHECK_FALSE(r.has_event(3));
    CHECK(r.state().oldest_sequence() == 4);
    r.power_cut();
    CHECK(r.has_event(2));
    r.commit({deliver({settle_parked{2, settlement::discarded}})});
    CHECK_FALSE(r.has_event(2));
}

TEST_CASE("an event that two destinations parked stays until both have settled it") {
    rig r({"erp", "legacy"});
    ingest_some(r, 1);
    for (std::uint8_t d = 0; d < 2; ++d)
        r.commit({deliver({park_update{1, parked(wharf::v1::PARKED_STATE_DEAD, {5})},
                           advance_low_water{lane::inventory, 1}},
                          d)});
    r.percent = 99;
    r.commit({});
    r.commit({deliver({settle_parked{1, settlement::discarded}}, 1)});
    CHECK(r.has_event(1));
    r.commit({deliver({settle_parked{1, settlement::discarded}}, 0)});
    CHECK_FALSE(r.has_event(1));
}

TEST_CASE("one group takes away a bounded number of events, but more than it appends") {
    rig r;
    r.connect();
    constexpr int k_block = 50; // what one group appends is taken away as one
    const int count = static_cast<int>(limits::k_retention_deletes_per_group_max) + 88;
    for (int i = 0; i < count; i += k_block)
        r.ingest(make_message(std::vector<event_draft>(k_block, {{}, "a"})));
    settle(r, 1, static_cast<sequence>(count));
    r.percent = 99;
    SECTION("nothing is appended") {
        r.commit({});
        CHECK(r.state().oldest_sequence() > limits::k_retention_deletes_per_group_max);
        CHECK(r.state().oldest_sequence() <= limits::k_retention_deletes_per_group_max + k_block);
        r.commit({});
        CHECK(r.state().oldest_sequence() == static_cast<sequence>(count) + 1);
    }
    SECTION("a hundred are") {
        r.ingest(make_message(std::vector<event_draft>(100, {{}, "b"})));
        CHECK(r.state().oldest_sequence() == static_cast<sequence>(count) + 1);
    }
    SECTION("in small steps") {
        REQUIRE(r.under_test().begin(r.now_us).ok());
        REQUIRE(r.under_test().maintain(99, 16).ok());
        REQUIRE(r.under_test().commit().outcome == commit_outcome::durable);
        CHECK(r.state().oldest_sequence() == k_block + 1);
    }
}

TEST_CASE("identities are forgotten by age, and the same event is new again") {
    rig r;
    r.connect();
    r.ingest_one({{"k1", "b1"}, "a"});
    CHECK(identities(r) == 2);
    r.now_us += k_hour_us;
    r.commit({});
    CHECK(r.ingest_one({{"k1"}, "a"}).duplicate == 1);
    r.now_us += 1;
    r.commit({});
    CHECK(identities(r) == 0);
    CHECK(r.ingest_one({{"k1"}, "a"}).accepted == 1);
    CHECK(r.state().identities_evicted_early() == 0);
}

TEST_CASE("where the count bounds the window the oldest go and it is counted") {
    rig r;
    r.options.identity.count_max = 2;
    r.restart();
    ingest_some(r, 4);
    CHECK(identities(r) == 2);
    CHECK(r.state().identities_evicted_early() == 2);
    CHECK(r.ingest_one({{"k3"}, "a"}).duplicate == 1);
    CHECK(r.ingest_one({{"k0"}, "a"}).accepted == 1);
}

TEST_CASE("journal time goes on where it stopped") {
    rig r;
    ingest_some(r, 1);
    auto before = r.state().journal_time_us();
    r.now_us = 5; // a clock that began anew
    r.power_cut();
    r.commit({});
    CHECK(r.state().journal_time_us() >= before);
}

TEST_CASE("of a block only what is parked stays, and goes one by one") {
    rig r;
    r.connect();
    r.ingest(make_message(std::vector<event_draft>(20, {{}, "a"})));
    std::vector<delivery_op> ops;
    for (sequence n = 1; n <= 20; ++n) {
        if (n % 7 == 0)
            ops.emplace_back(park_update{n, parked(wharf::v1::PARKED_STATE_DEAD, {n})});
        else
            ops.emplace_back(settle_update{n, settlement::applied});
    }
    ops.emplace_back(advance_low_water{lane::inventory, 20});
    r.commit({deliver(std::move(ops))});
    r.percent = 99;
    r.commit({});
    CHECK(r.state().oldest_sequence() == 21);
    for (sequence n = 1; n <= 20; ++n)
        CHECK(r.has_event(n) == (n % 7 == 0));
    CHECK(r.view().event(14)->event.stream() == "a");
    r.power_cut();
    r.commit({deliver({settle_parked{7, settlement::discarded}})});
    CHECK_FALSE(r.has_event(7));
    CHECK(r.has_event(14));
    r.commit({deliver({settle_parked{14, settlement::discarded}})});
    CHECK_FALSE(r.has_event(14));
}

// --- what was shed goes from between what waits
// ---------------------------------------------------------------

namespace {

// Blocks of `each` events, inventory and telemetry in turn.
void ingest_both(rig& r, int blocks, int each) {
    r.connect();
    for (int i = 0; i < blocks; ++i) {
        std::vector<event_draft> events;
        for (int k = 0; k < each; ++k)
            events.emplace_back(std::vector<std::string>{}, "a",
                                k % 2 == 0 ? lane::inventory : lane::telemetry);
        r.ingest(make_message(std::move(events)));
    }
}

void shed(rig& r, sequence to, std::uint8_t destination = 0) {
    std::vector<delivery_op> ops;
    for (sequence n = 2; n <= to; n += 2)
        ops.emplace_back(settle_update{n, settlement::shed});
    ops.emplace_back(advance_low_water{lane::telemetry, to});
    r.commit({deliver(std::move(ops), destination)});
}

} // namespace

TEST_CASE(
    "a full journal gives up what was shed though older updates wait, and is whole all the same") {
    rig r;
    ingest_both(r, 10, 10);
    shed(r, 60);
    CHECK(r.has_event(2)); // there is space
    r.percent = 90;
    r.commit({});
    for (sequence n = 1; n <= 100; ++n)
        CHECK(r.has_event(n) == (n % 2 == 1 || n > 60));
    CHECK(r.state().oldest_sequence() == 1);
    CHECK(r.state().hollow_to() == 60);
    CHECK(r.books().shed() == 30);
    // The record is whole, for a start and for who verifies it.
    r.power_cut();
    CHECK(r.state().hollow_to() == 60);
    const auto found = verify(r.store);
    REQUIRE(found.ok());
    CHECK(found->findings.empty());
    // And what is left goes its usual way.
    std::vector<delivery_op> ops;
    for (sequence n = 1; n <= 99; n += 2)
        ops.emplace_back(settle_update{n, settlement::applied});
    for (sequence n = 62; n <= 100; n += 2)
        ops.emplace_back(settle_update{n, settlement::applied});
    ops.emplace_back(advance_low_water{lane::telemetry, 100});
    ops.emplace_back(advance_low_water{lane::inventory, 100});
    r.commit({deliver(std::move(ops))});
    CHECK(r.state().oldest_sequence() == 101);
    CHECK_FALSE(r.has_event(99));
}

TEST_CASE("what one of two destinations still waits for is not given up") {
    rig r({"erp", "legacy"});
    ingest_both(r, 4, 10);
    shed(r, 30, 0);
    r.percent = 95;
    r.commit({});
    CHECK(r.has_event(2));
    shed(r, 20, 1);
    r.commit({});
    CHECK_FALSE(r.has_event(2));
    CHECK_FALSE(r.has_event(20));
    CHECK(r.has_event(22));
}

TEST_CASE("a dead letter between shed updates stays") {
    rig r;
    ingest_both(r, 4, 10);
    r.commit(
        {deliver({park_update{4, parked(wharf::v1::PARKED_STATE_DEAD, {5}, lane::telemetry)}})});
    std::vector<delivery_op> ops;
    for (const sequence n : {2, 6, 8, 10, 12, 14, 16, 18, 20})
        ops.emplace_back(settle_update{n, settlement::shed});
    ops.emplace_back(advance_low_water{lane::telemetry, 20});
    r.commit({deliver(std::move(ops))});
    r.percent = 90;
    r.commit({});
    CHECK(r.has_event(4));
    CHECK_FALSE(r.has_event(6));
}

TEST_CASE("the newest block is never given up: a start knows the last event by it") {
    rig r;
    r.connect();
    r.ingest(make_message(std::vector<event_draft>(3, {{}, "a", lane::inventory})));
    r.ingest(make_message(std::vector<event_draft>(3, {{}, "a", lane::telemetry})));
    r.commit(
        {deliver({settle_update{4, settlement::shed}, settle_update{5, settlement::shed},
                  settle_update{6, settlement::shed}, advance_low_water{lane::telemetry, 6}})});
    r.percent = 95;
    r.commit({});
    CHECK(r.has_event(6));
    r.power_cut();
    CHECK(r.state().last_sequence() == 6);
    r.connect();
    r.ingest(make_message(std::vector<event_draft>(1, {{}, "a", lane::inventory})));
    r.commit({});
    CHECK_FALSE(r.has_event(4));
    r.power_cut();
    CHECK(r.has_event(7));
}

TEST_CASE("a group that is not committed gives nothing up for good") {
    rig r;
    ingest_both(r, 4, 10);
    shed(r, 20);
    r.percent = 95;
    r.roll_back({});
    CHECK(r.has_event(2));
    r.commit({});
    CHECK_FALSE(r.has_event(2));
}

TEST_CASE("what is shed behind an update that waits is given up, too") {
    rig r;
    ingest_both(r, 6, 10);
    // 2 is on its way: the low-water mark stays before it.
    std::vector<delivery_op> ops;
    for (sequence n = 4; n <= 40; n += 2) {
        ops.emplace_back(settle_update{n, settlement::shed});
        ops.emplace_back(set_mark{lane::telemetry, n});
    }
    ops.emplace_back(advance_low_water{lane::telemetry, 1});
    r.commit({deliver(std::move(ops))});
    r.percent = 90;
    r.commit({});
    for (sequence n = 1; n <= 60; ++n)
        CHECK(r.has_event(n) == (n % 2 == 1 || n == 2 || n > 40));
    // One that became free later, further back.
    r.commit(
        {deliver({settle_update{2, settlement::shed}, advance_low_water{lane::telemetry, 40}})});
    CHECK_FALSE(r.has_event(2));
    const auto found = verify(r.store);
    REQUIRE(found.ok());
    CHECK(found->findings.empty());
}
