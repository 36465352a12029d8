// What must not stand still: one update that goes wrong for ever, marks, alarms and restarts beside
// updates that could go on.
#include "gateway/base/limits.hpp"
#include "tests/unit/sync/rig.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace wharf;
using namespace wharf::test;

namespace {

constexpr std::int64_t k_minute_us = 60'000'000;
constexpr std::int64_t k_hour_us = 60 * k_minute_us;

delivery_options at_once() {
    delivery_options options;
    for (auto& lane_options : options.lanes)
        lane_options.batch_max_delay_us = 0;
    return options;
}

delivery_options one_by_one() {
    auto options = at_once();
    for (auto& lane_options : options.lanes)
        lane_options.batch_items_max = 1;
    return options;
}

} // namespace

TEST_CASE("a lane goes on after a restart with its window full of marks") {
    rig r(at_once());
    constexpr std::uint64_t k_updates = 4300; // more than a window
    for (std::uint64_t key = 1; key <= k_updates; ++key)
        r.append_silently(lane::inventory, {key});
    r.machine->on_more(k_updates, r.now());
    r.settle();
    const auto all_but_first = [](const request& q) {
        auto out = applied(q);
        for (std::size_t i = 0; i < q.items.size(); ++i)
            if (q.items[i].number == 1) out.items[i] = says(wharf::v1::ITEM_STATUS_IN_PROGRESS);
        return out;
    };
    for (int i = 0; i < 60 && r.until_request(1000); ++i)
        r.answer(all_but_first);
    REQUIRE(r.journal.books().pending > 0);
    REQUIRE(r.journal.marks() > 3840);
    r.restart();
    r.run(applied, k_hour_us);
    CHECK(r.journal.books().pending == 0);
    CHECK(r.journal.books().applied == k_updates);
}

TEST_CASE("two bad updates that opened the circuit do not keep a good one from being the probe") {
    const auto bad = GENERATE(as<sequence>{}, 1, 2, 3);
    rig r(one_by_one());
    for (sequence key = 1; key <= bad; ++key)
        r.append(lane::inventory, {key});
    const auto erp = [bad](const request& q) {
        return q.items[0].number <= bad ? http(500) : applied(q);
    };
    r.run(erp, k_hour_us);
    REQUIRE(r.journal.books().applied == 0);
    for (std::uint64_t i = 0; i < 20; ++i) {
        r.append(lane::shipment, {1000 + i});
        r.run(erp, k_hour_us);
        CHECK(r.journal.books().applied == i + 1);
    }
    CHECK(r.journal.books().dead == bad);
    CHECK(r.journal.books().pending == 0);
}

TEST_CASE("an old dead letter of unknown outcome is asked for, also when a restart comes between") {
    auto options = at_once();
    options.remembers_keys_for_us = k_hour_us;
    options.poison_attempts = 1;
    rig r(options);
    r.append(lane::shipment, {7});
    r.run(applied, k_minute_us);
    r.append(lane::shipment, {1});
    r.run([](const request& q) { return each(q, wharf::v1::ITEM_STATUS_ERROR); }, 1'000'000);
    REQUIRE(r.journal.books().dead == 1);
    r.advance(5 * k_hour_us);
    r.machine->retry_dead(1, 2, r.now());
    r.settle();
    REQUIRE(r.until_request(k_hour_us));
    REQUIRE(r.on_the_way.front().asks);
    r.restart();
    REQUIRE(r.until_request(k_hour_us));
    CHECK(r.on_the_way.front().asks);
}

TEST_CASE("failing updates of a low lane take no room from a higher one") {
    rig r(at_once());
    r.append(lane::shipment, {1});
    r.run(applied, 1'000'000);
    constexpr sequence k_last_bad = 1501;
    for (std::uint64_t key = 2; key <= k_last_bad; ++key)
        r.append_silently(lane::count, {key});
    r.machine->on_more(k_last_bad, r.now());
    r.settle();
    const auto erp = [](const request& q) {
        auto out = applied(q);
        for (std::size_t i = 0; i < q.items.size(); ++i)
            if (q.items[i].number > 1 && q.items[i].number <= k_last_bad)
                out.items[i] = says(wharf::v1::ITEM_STATUS_ERROR);
        return out;
    };
    r.run(erp, k_minute_us);
    REQUIRE(r.journal.books().applied == 1);
    for (std::uint64_t i = 0; i < 3; ++i) {
        r.append(lane::shipment, {100'000 + i});
        r.run(erp, k_minute_us);
        CHECK(r.journal.books().applied == 2 + i);
    }
}

TEST_CASE("in order, what was sent and then waits behind a dead letter keeps its unknown outcome") {
    auto options = at_once();
    options.in_order = true;
    options.remembers_keys_for_us = k_hour_us;
    options.poison_attempts = 1000;
    rig r(options);
    r.append(lane::count, {1, 2});
    r.run([](const request& q) { return each(q, wharf::v1::ITEM_STATUS_REFUSED, "x"); }, 1'000'000);
    r.append(lane::inventory, {2});
    r.commit_all();
    r.append(lane::inventory, {1});
    r.commit_all();
    const auto erp = [](const request& q) {
        if (q.items[0].number == 2) return reset();
        return each(q, wharf::v1::ITEM_STATUS_REFUSED, "insufficient_stock");
    };
    r.run(erp, k_minute_us);
    REQUIRE(r.journal.parked(2) != nullptr);
    CHECK(r.journal.parked(2)->state() == wharf::v1::PARKED_STATE_WAITING);
    CHECK(r.journal.parked(2)->code() == "outcome_unknown");
    // By then the ERP has forgotten the key: it must be asked.
    r.advance(10 * k_hour_us);
    r.machine->discard_dead(1, 1, "x", r.now());
    r.settle();
    bool asked = false;
    for (const auto& q : r.run(applied, k_hour_us)) {
        if (std::ranges::find(q.items, sequence{2}, &batch_item::number) == q.items.end()) continue;
        asked = q.asks;
        break;
    }
    CHECK(asked);
}

TEST_CASE("the alarm of too many blocked keys ends when they are free, though nothing new comes") {
    rig r(at_once());
    std::uint64_t next_key = 1;
    const auto refused = [](const request& q) { return each(q, wharf::v1::ITEM_STATUS_REFUSED); };
    while (next_key <= limits::k_blocked_keys_max) {
        std::vector<std::uint64_t> keys;
        for (int k = 0; k < 1024; ++k)
            keys.push_back(next_key++);
        r.append(lane::shipment, keys);
        r.answer(refused);
    }
    r.append(lane::shipment, {900'000});
    r.run(applied, k_minute_us);
    REQUIRE(r.alarmed("blocked_keys"));
    r.machine->discard_dead(1, 1, "x", r.now());
    r.settle();
    r.commit_all();
    r.run(applied, k_minute_us);
    CHECK_FALSE(r.alarmed("blocked_keys"));
    CHECK(r.journal.books().applied == 1);
}

TEST_CASE("an update that is put off by the HTTP status for ever leaves its lane to the others") {
    const auto status = GENERATE(409, 425, 408, 429, 503);
    rig r(one_by_one());
    r.append(lane::inventory, {1});
    const auto erp = [status](const request& q) {
        return q.items[0].number == 1 ? http(status) : applied(q);
    };
    for (std::uint64_t i = 0; i < 20; ++i) {
        r.append(lane::inventory, {10 + i});
        r.run(erp, 2 * k_minute_us);
    }
    CHECK(r.journal.books().applied == 20);
    CHECK(r.journal.books().dead == 0);
    REQUIRE(r.journal.parked(1) != nullptr);
    CHECK(r.journal.parked(1)->state() == wharf::v1::PARKED_STATE_RETRY);
    CHECK(r.journal.parked(1)->code() == "outcome_unknown");
    // Its key is as old as the first attempt, not as the day it was set aside.
    CHECK(r.journal.parked(1)->parked_at_us() < rig::k_journal_start + k_minute_us);
    // It is tried on, and what follows it waits.
    r.append(lane::inventory, {1});
    const auto last = r.run(erp, k_hour_us);
    CHECK(std::ranges::any_of(last, [](const request& q) { return q.items[0].number == 1; }));
    CHECK(std::ranges::none_of(last, [](const request& q) { return q.items[0].number == 22; }));
    r.run(applied, k_hour_us);
    CHECK(r.journal.books().applied == 22);
    CHECK(r.journal.books().pending == 0);
}

TEST_CASE("an update that was put off until its key may be forgotten is asked for") {
    auto options = one_by_one();
    options.remembers_keys_for_us = 24 * k_hour_us;
    rig r(options);
    r.append(lane::inventory, {1});
    const auto erp = [](const request& q) {
        return q.items[0].number == 1 ? http(409) : applied(q);
    };
    for (std::uint64_t i = 0; i < 20; ++i) {
        r.append(lane::inventory, {10 + i});
        r.run(erp, 2 * k_minute_us);
    }
    REQUIRE(r.journal.parked(1) != nullptr);
    r.advance(24 * k_hour_us);
    r.restart();
    REQUIRE(r.until_request(k_hour_us));
    CHECK(r.on_the_way.front().items[0].number == 1);
    CHECK(r.on_the_way.front().asks);
}

TEST_CASE("an ERP that puts off everything for hours costs nothing: no update is set aside") {
    const auto status = GENERATE(409, 503);
    rig r(one_by_one());
    for (std::uint64_t key = 1; key <= 20; ++key)
        r.append(lane::inventory, {key});
    r.run([status](const request&) { return http(status); }, 5 * k_hour_us);
    CHECK(r.journal.all_parked().empty());
    r.run(applied, k_hour_us);
    CHECK(r.journal.books().applied == 20);
}

TEST_CASE("one update for which the whole batch is put off is found, the others are applied") {
    const auto status = GENERATE(409, 503);
    rig r(at_once());
    for (std::uint64_t key = 1; key <= 16; ++key)
        r.append_silently(lane::inventory, {key});
    r.machine->on_more(16, r.now());
    r.settle();
    const auto erp = [status](const request& q) {
        const bool stuck =
            std::ranges::any_of(q.items, [](const batch_item& item) { return item.number == 7; });
        return stuck ? http(status) : applied(q);
    };
    for (std::uint64_t i = 0; i < 120; ++i) {
        r.append(lane::inventory, {100 + i});
        r.run(erp, 2 * k_minute_us);
    }
    CHECK(r.journal.books().applied == 135);
    CHECK(r.journal.books().dead == 0);
    REQUIRE(r.journal.parked(7) != nullptr);
    r.run(applied, k_hour_us);
    CHECK(r.journal.books().applied == 136);
}

TEST_CASE("an update for which the ERP never tells what it holds is a dead letter in the end") {
    const auto told = GENERATE(0, 409, 503, 500);
    auto options = one_by_one();
    options.remembers_keys_for_us = k_hour_us;
    rig r(options);
    r.append(lane::inventory, {1});
    r.run([](const request&) { return reset(); }, 2 * k_hour_us);
    REQUIRE(r.journal.books().dead == 0);
    const auto erp = [told](const request& q) {
        if (q.items[0].number != 1) return applied(q);
        if (told != 0) return http(told);
        return each(q, wharf::v1::ITEM_STATUS_IN_PROGRESS);
    };
    for (std::uint64_t i = 0; i < 20; ++i) {
        r.append(lane::inventory, {10 + i});
        const auto sent = r.run(erp, 5 * k_minute_us);
        CHECK(std::ranges::none_of(
            sent, [](const request& q) { return q.items[0].number == 1 && !q.asks; }));
    }
    CHECK(r.journal.books().applied == 20);
    CHECK(r.journal.books().dead == 1);
    REQUIRE(r.journal.parked(1) != nullptr);
    CHECK(r.journal.parked(1)->code() == "outcome_unknown");
}

TEST_CASE("what others wait for behind a parked update is journaled without delay") {
    rig r(at_once());
    r.append(lane::shipment, {1});
    r.append(lane::shipment, {1});
    r.run([](const request& q) { return each(q, wharf::v1::ITEM_STATUS_REFUSED); }, k_minute_us);
    r.machine->retry_dead(1, 1, r.now());
    r.settle();
    REQUIRE(r.until_request(k_minute_us));
    const auto again = r.on_the_way.front();
    r.answer(again, applied(again));
    REQUIRE(r.journaling.size() == 1);
    CHECK(r.journaling.front().urgent);
}

TEST_CASE("while the journal is short of space nothing is parked behind a dead letter") {
    rig r;
    r.append(lane::inventory, {1});
    r.run([](const request& q) { return each(q, wharf::v1::ITEM_STATUS_REFUSED, "closed"); });
    REQUIRE(r.journal.books().dead == 1);
    r.machine->on_space(true, r.now());
    for (int i = 0; i < 20; ++i)
        r.append(lane::inventory, {1});
    const auto other = r.append(lane::inventory, {2});
    r.run(applied);
    for (sequence number = 2; number < other.number; ++number)
        CHECK(r.journal.parked(number) == nullptr);
    CHECK(r.journal.settled(other.number) == settlement::applied); // not held up by them
    CHECK(r.journal.books().pending == 20);

    SECTION("with space again they wait on disk") {
        r.machine->on_space(false, r.now());
        r.run(applied);
        CHECK(r.journal.parked(2) != nullptr);
    }
    SECTION("once the dead letter is discarded they go out from their lane, in order") {
        r.machine->discard_dead(1, 1, "counted by hand", r.now());
        r.settle();
        r.run(applied);
        CHECK(r.journal.books().pending == 0);
        CHECK(r.journal.books().applied == 21);
    }
}

TEST_CASE("what is settled before the page with it came is settled for retention once it did") {
    auto options = at_once();
    options.can_ask = false;
    rig r(options);
    r.append(lane::inventory, {1});
    r.commit_all();
    REQUIRE(r.on_the_way.size() == 1);
    r.rendering = "v2"; // its outcome is unknown: a dead letter, before the lane has been read
    r.restart();
    r.commit_one();
    REQUIRE(r.journal.books().dead == 1);
    r.commit_all();
    CHECK(r.journal.delivery().low_water[index_of(lane::inventory)] == 1);
    CHECK(r.journal.marks() == 0);
}

TEST_CASE("what waits behind a dead letter is parked some at a time, all of it in the end") {
    auto options = at_once();
    options.park_ops_max = 4;
    rig r(options);
    r.append(lane::inventory, {1});
    for (std::uint64_t key = 2; key <= 40; ++key)
        r.append(lane::inventory, {1, key});
    r.answer([](const request& q) { return each(q, wharf::v1::ITEM_STATUS_REFUSED, "closed"); });
    while (!r.journaling.empty()) {
        const auto parks = std::ranges::count_if(r.journaling.front().ops, [](const auto& op) {
            return std::holds_alternative<park_update>(op);
        });
        CHECK(parks <= 4);
        r.commit_one();
    }
    CHECK(r.journal.all_parked().size() == 40);
}
