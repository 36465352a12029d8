// What gives way where the journal is full, and what never does.
#include "gateway/base/limits.hpp"
#include "tests/unit/sync/rig.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace wharf;
using namespace wharf::test;

namespace {

constexpr std::int64_t k_minute_us = 60'000'000;

delivery_options telemetry_gives_way() {
    delivery_options options;
    for (auto& lane_options : options.lanes) {
        lane_options.batch_max_delay_us = 0;
        lane_options.batch_items_max = 10;
    }
    options.lanes[index_of(lane::telemetry)].sheddable = true;
    return options;
}

void append_both(rig& r, std::uint64_t count) {
    for (std::uint64_t i = 1; i <= count; ++i) {
        r.append(lane::inventory, {i});
        r.append(lane::telemetry, {1'000'000 + i % 7});
    }
}

// Full for as long as that takes.
void be_full(rig& r, std::int64_t us) {
    r.machine->on_space(true, r.now());
    for (std::int64_t past = 0; past < us; past += 100'000) {
        r.settle();
        r.commit_all();
        r.advance(100'000);
    }
}

} // namespace

TEST_CASE("a full journal sheds updates of a lane that may be shed, and of no other") {
    rig r(telemetry_gives_way());
    r.machine->pause(r.now());
    append_both(r, 500);
    be_full(r, k_minute_us);
    const auto books = r.journal.books();
    CHECK(books.shed == 500);
    CHECK(books.pending == 500);
    CHECK(r.alarmed("shedding"));
    r.machine->on_space(false, r.now());
    r.machine->resume(r.now());
    r.settle();
    // Space comes and goes at the quota: that is one alarm.
    CHECK(r.alarmed("shedding"));
    r.run(applied);
    CHECK_FALSE(r.alarmed("shedding"));
    CHECK(r.journal.books().applied == 500);
    CHECK(r.journal.books().pending == 0);
    for (sequence n = 1; n <= 1000; ++n)
        CHECK(r.journal.settled(n) == (n % 2 == 1 ? settlement::applied : settlement::shed));
}

TEST_CASE("so many are shed at a time, the oldest first, and no more once there is space") {
    rig r(telemetry_gives_way());
    r.machine->pause(r.now());
    append_both(r, 1000);
    r.machine->on_space(true, r.now());
    r.settle();
    r.commit_all();
    CHECK(r.journal.books().shed == limits::k_shed_updates_max);
    CHECK(r.journal.settled(2) == settlement::shed);
    CHECK(r.journal.settled(2 * limits::k_shed_updates_max) == settlement::shed);
    CHECK_FALSE(r.journal.settled(2 * limits::k_shed_updates_max + 2).has_value());
    r.machine->on_space(false, r.now());
    r.advance(k_minute_us);
    r.settle();
    r.commit_all();
    CHECK(r.journal.books().shed == limits::k_shed_updates_max);
}

TEST_CASE("nothing is shed where no lane may be") {
    rig r;
    append_both(r, 100);
    r.machine->pause(r.now());
    be_full(r, k_minute_us);
    CHECK(r.journal.books().shed == 0);
}

TEST_CASE("what was sent is not shed, and the others are shed past it") {
    rig r(telemetry_gives_way());
    // More than a window, behind a batch of ten whose outcome nobody knows.
    for (std::uint64_t i = 1; i <= 3 * limits::k_lane_window_max; ++i)
        r.append(lane::telemetry, {i});
    REQUIRE(r.until_request());
    std::set<sequence> sent;
    const auto nothing_comes_back = [&](const request& q) {
        for (const auto& item : q.items)
            sent.insert(item.number);
        return reset();
    };
    r.run(nothing_comes_back, 2 * k_minute_us);
    REQUIRE_FALSE(sent.empty());
    r.machine->on_space(true, r.now());
    r.run(nothing_comes_back, 5 * k_minute_us);
    const auto books = r.journal.books();
    CHECK(books.shed > limits::k_lane_window_max);
    CHECK(books.shed + books.pending == 3 * limits::k_lane_window_max);
    for (const auto number : sent)
        CHECK_FALSE(r.journal.settled(number).has_value());
    r.restart();
    r.run(applied);
    CHECK(r.journal.books().pending == 0);
    for (const auto number : sent)
        CHECK(r.journal.settled(number) == settlement::applied);
}

TEST_CASE("an update whose predecessor is on its way is not shed before it") {
    rig r(telemetry_gives_way());
    r.append(lane::telemetry, {7});
    REQUIRE(r.until_request());
    r.append(lane::telemetry, {7});
    r.machine->on_space(true, r.now());
    r.settle();
    r.commit_all();
    CHECK(r.journal.books().shed == 0);
    r.answer_all_applied();
    r.run(applied);
    CHECK(r.journal.books().applied + r.journal.books().shed == 2);
}

TEST_CASE("a destination that is not reached does not hold up what may be shed") {
    rig r(telemetry_gives_way());
    append_both(r, 700);
    const auto nobody_there = [](const request&) { return refused_connection(); };
    r.run(nobody_there, 10'000'000);
    r.machine->on_space(true, r.now());
    r.run(nobody_there, k_minute_us);
    CHECK(r.journal.books().shed + 20 >= 700);
    append_both(r, 4000);
    r.run(nobody_there, k_minute_us);
    CHECK(r.journal.books().shed + 20 >= 4700);
    r.machine->on_space(false, r.now());
    r.run(applied);
    CHECK(r.journal.books().pending == 0);
    CHECK(r.journal.books().applied >= 4700);
}

TEST_CASE("what the ERP has under way is not shed: it may yet take effect") {
    rig r(telemetry_gives_way());
    for (std::uint64_t i = 1; i <= 100; ++i)
        r.append(lane::telemetry, {i});
    std::set<sequence> under_way;
    const auto not_yet = [&](const request& q) {
        for (const auto& item : q.items)
            under_way.insert(item.number);
        return each(q, wharf::v1::ITEM_STATUS_IN_PROGRESS);
    };
    r.run(not_yet, 500'000);
    REQUIRE_FALSE(under_way.empty());
    r.machine->pause(r.now());
    be_full(r, k_minute_us);
    for (const auto number : under_way)
        CHECK_FALSE(r.journal.settled(number).has_value());
    CHECK(r.journal.books().shed + under_way.size() == 100);
    r.machine->on_space(false, r.now());
    r.machine->resume(r.now());
    r.settle();
    r.run(applied);
    for (const auto number : under_way)
        CHECK(r.journal.settled(number) == settlement::applied);
}
