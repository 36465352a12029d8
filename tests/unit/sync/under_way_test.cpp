// What the ERP has under way, and what waits beside it.
#include "tests/unit/sync/rig.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace wharf;
using namespace wharf::test;

namespace {

constexpr std::int64_t k_minute_us = 60'000'000;
constexpr std::int64_t k_hour_us = 60 * k_minute_us;
constexpr std::int64_t k_memory_us = 24 * k_hour_us;

delivery_options at_once(bool in_order = false) {
    delivery_options options;
    options.in_order = in_order;
    options.remembers_keys_for_us = k_memory_us;
    for (auto& lane_options : options.lanes)
        lane_options.batch_max_delay_us = 0;
    return options;
}

// So that they are one batch.
void append_together(rig& r, const std::vector<std::uint64_t>& keys) {
    sequence last = 0;
    for (const auto key : keys)
        last = r.append_silently(lane::inventory, {key}).number;
    r.machine->on_more(last, r.now());
    r.settle();
}

bool has(const request& q, sequence number) {
    return std::ranges::count(q.numbers(), number) > 0;
}

// One item gets this answer; where a batch is applied in order, nothing behind it is attempted.
connector_answer all_but(const request& q, sequence number, wharf::v1::ItemStatus status,
                         bool in_order = false) {
    auto out = applied(q);
    bool stopped = false;
    for (std::size_t i = 0; i < q.items.size(); ++i) {
        if (stopped) out.items[i] = says(wharf::v1::ITEM_STATUS_NOT_ATTEMPTED);
        if (q.items[i].number != number) continue;
        out.items[i] = says(status);
        stopped = in_order;
    }
    return out;
}

} // namespace

TEST_CASE("what the ERP has under way stays sealed and goes again under its key, as old as it is") {
    rig r(at_once());
    append_together(r, {1, 2, 3});
    const auto first = r.answer(
        [](const request& q) { return all_but(q, 2, wharf::v1::ITEM_STATUS_IN_PROGRESS); });
    REQUIRE(first.items.size() == 3);
    CHECK(r.journal.books().applied == 2);
    CHECK(r.journal.sealed(2));
    REQUIRE(r.journal.open().size() == 1);
    const auto second = r.answer_all_applied();
    CHECK_FALSE(second.asks);
    CHECK(second.numbers() == std::vector<sequence>{2});
    CHECK(r.journal.books().applied == 3);
}

TEST_CASE("what was under way before a restart is asked for once its key may be forgotten") {
    const auto count = GENERATE(as<std::uint64_t>{}, 1, 3);
    const bool late = GENERATE(false, true);
    rig r(at_once());
    std::vector<std::uint64_t> keys;
    for (std::uint64_t key = 1; key <= count; ++key)
        keys.push_back(key);
    append_together(r, keys);
    // More than once: the last answer does not make the key younger.
    const auto not_yet = [](const request& q) {
        return all_but(q, 1, wharf::v1::ITEM_STATUS_IN_PROGRESS);
    };
    const auto sent = r.run(not_yet, 23 * k_hour_us);
    REQUIRE(sent.size() > 2);
    REQUIRE(r.journal.sealed(1));
    r.now_us += late ? 2 * k_hour_us : k_minute_us;
    r.restart();
    REQUIRE(r.until_request(k_hour_us));
    CHECK(r.on_the_way.front().numbers() == std::vector<sequence>{1});
    CHECK(r.on_the_way.front().asks == late);
    if (!late) return;
    const auto rest =
        r.run([](const request& q) { return each(q, wharf::v1::ITEM_STATUS_ALREADY_APPLIED); });
    CHECK(std::ranges::all_of(rest, [](const request& q) { return q.asks; }));
    CHECK(r.journal.books().applied == count);
}

TEST_CASE("what was not attempted behind what is under way stays with it, in order") {
    const bool restarts = GENERATE(false, true);
    rig r(at_once(true));
    append_together(r, {1, 2, 2, 2});
    const auto first = r.answer(
        [](const request& q) { return all_but(q, 2, wharf::v1::ITEM_STATUS_IN_PROGRESS, true); });
    REQUIRE(first.numbers() == std::vector<sequence>{1, 2, 3, 4});
    CHECK(r.journal.settled(1) == settlement::applied);
    for (const sequence number : {2, 3, 4})
        CHECK(r.journal.sealed(number));
    CHECK(r.journal.open().size() == 1);
    if (restarts) {
        r.now_us += k_memory_us;
        r.restart();
    }
    REQUIRE(r.until_request(k_hour_us));
    CHECK(r.on_the_way.front().numbers() == std::vector<sequence>{2, 3, 4});
    CHECK(r.on_the_way.front().asks == restarts);
    r.run([](const request& q) {
        return q.asks ? each(q, wharf::v1::ITEM_STATUS_NOT_HELD) : applied(q);
    });
    CHECK(r.journal.books().applied == 4);
    CHECK(r.journal.books().pending == 0);
}

TEST_CASE("throttled at the first attempt goes back to its lane, unsealed") {
    rig r(at_once());
    append_together(r, {1, 2});
    r.answer([](const request& q) { return each(q, wharf::v1::ITEM_STATUS_THROTTLED); });
    CHECK_FALSE(r.journal.sealed(1));
    CHECK_FALSE(r.journal.sealed(2));
    CHECK(r.journal.open().empty());
    // Nothing of it can have taken effect: it is sent anew without a question.
    r.now_us += 2 * k_memory_us;
    r.restart();
    const auto sent = r.run(applied);
    CHECK(std::ranges::none_of(sent, [](const request& q) { return q.asks; }));
    CHECK(r.journal.books().applied == 2);
}

TEST_CASE(
    "what may have taken effect by an attempt before stays sealed, whatever the next one says") {
    const auto status =
        GENERATE(wharf::v1::ITEM_STATUS_THROTTLED, wharf::v1::ITEM_STATUS_NOT_ATTEMPTED,
                 wharf::v1::ITEM_STATUS_IN_PROGRESS);
    const bool others_applied = GENERATE(false, true);
    rig r(at_once());
    append_together(r, {1, 2});
    r.answer([](const request&) { return reset(); });
    r.answer(
        [&](const request& q) { return others_applied ? all_but(q, 2, status) : each(q, status); });
    CHECK(r.journal.sealed(2));
    CHECK(r.journal.sealed(1) == !others_applied);
    r.now_us += k_memory_us;
    r.restart();
    REQUIRE(r.until_request(k_hour_us));
    CHECK(r.on_the_way.front().asks);
    CHECK(has(r.on_the_way.front(), 2));
    r.run([](const request& q) {
        return q.asks ? each(q, wharf::v1::ITEM_STATUS_NOT_HELD) : applied(q);
    });
    CHECK(r.journal.books().applied == 2);
}

TEST_CASE("behind a refusal nothing is sent, also where an attempt before may have taken effect") {
    rig r(at_once(true));
    append_together(r, {1, 1, 2});
    r.answer([](const request&) { return reset(); });
    r.run(
        [](const request& q) {
            auto out = applied(q);
            for (std::size_t i = 0; i < q.items.size(); ++i)
                if (i > 0 || q.items[0].number == 1)
                    out.items[i] = says(wharf::v1::ITEM_STATUS_NOT_ATTEMPTED);
            if (q.items[0].number == 1)
                out.items[0] = says(wharf::v1::ITEM_STATUS_REFUSED, "closed_period");
            return out;
        },
        2 * k_minute_us);
    CHECK(r.journal.books().dead == 1);
    CHECK(r.journal.settled(2) != settlement::applied); // of the same key
    CHECK(r.journal.settled(3) == settlement::applied);
}

TEST_CASE("refusals one after the other behind a lost answer do not wait longer and longer") {
    rig r(at_once(true));
    std::vector<std::uint64_t> keys;
    for (std::uint64_t key = 1; key <= 40; ++key)
        keys.push_back(key);
    append_together(r, keys);
    r.answer([](const request&) { return reset(); });
    r.run(
        [](const request& q) {
            auto out = each(q, wharf::v1::ITEM_STATUS_NOT_ATTEMPTED);
            out.items[0] = says(wharf::v1::ITEM_STATUS_REFUSED, "closed_period");
            return out;
        },
        2 * k_minute_us);
    CHECK(r.journal.books().dead == 40);
}

TEST_CASE("what is under way for ever is set aside, and its lane goes on") {
    const bool in_order = GENERATE(false, true);
    rig r(at_once(in_order));
    const auto erp = [&](const request& q) {
        return all_but(q, 1, wharf::v1::ITEM_STATUS_IN_PROGRESS, in_order);
    };
    r.append(lane::inventory, {1});
    r.append(lane::inventory, {1}); // waits for it, wherever it is
    for (std::uint64_t i = 0; i < 20; ++i) {
        r.append(lane::inventory, {10 + i});
        r.run(erp, 2 * k_minute_us);
    }
    CHECK(r.journal.books().applied == 20);
    CHECK(r.journal.books().dead == 0);
    REQUIRE(r.journal.parked(1) != nullptr);
    CHECK(r.journal.parked(1)->state() == wharf::v1::PARKED_STATE_RETRY);
    CHECK(r.journal.parked(1)->code() == "outcome_unknown");
    // As old as the first attempt.
    CHECK(r.journal.parked(1)->parked_at_us() < rig::k_journal_start + k_minute_us);
    CHECK(r.journal.delivery().low_water[index_of(lane::inventory)] == 22);
    CHECK_FALSE(r.alarmed("circuit"));

    r.now_us += k_memory_us;
    r.restart();
    REQUIRE(r.until_request(k_hour_us));
    CHECK(r.on_the_way.front().asks);
    CHECK(r.on_the_way.front().numbers() == std::vector<sequence>{1});
    r.run([](const request& q) {
        return q.asks ? each(q, wharf::v1::ITEM_STATUS_ALREADY_APPLIED) : applied(q);
    });
    CHECK(r.journal.books().applied == 22);
    CHECK(r.journal.books().pending == 0);
}

TEST_CASE(
    "what was not attempted behind one update for ever is told apart with nobody else about") {
    const auto status = GENERATE(wharf::v1::ITEM_STATUS_IN_PROGRESS, wharf::v1::ITEM_STATUS_ERROR);
    const auto stuck = GENERATE(as<sequence>{}, 1, 4, 10);
    rig r(at_once(true));
    append_together(r, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
    r.run([&](const request& q) { return all_but(q, stuck, status, true); }, 10 * k_minute_us);
    CHECK(r.journal.books().applied == 9);
    CHECK(r.journal.sealed(stuck));
    r.run(applied);
    CHECK(r.journal.books().applied == 10);
}

TEST_CASE("an ERP that has everything under way for hours costs nothing, and no circuit opens") {
    const bool in_order = GENERATE(false, true);
    rig r(at_once(in_order));
    for (std::uint64_t key = 1; key <= 20; ++key)
        r.append(lane::inventory, {key});
    append_together(r, {101, 102, 103, 104, 105, 106, 107, 108});
    bool busy = true;
    const auto erp = [&](const request& q) {
        if (!busy) return applied(q);
        auto out = each(q, wharf::v1::ITEM_STATUS_IN_PROGRESS);
        for (std::size_t i = 1; in_order && i < out.items.size(); ++i)
            out.items[i] = says(wharf::v1::ITEM_STATUS_NOT_ATTEMPTED);
        return out;
    };
    const auto requests = r.run(erp, 5 * k_hour_us);
    CHECK(std::ranges::none_of(r.alarms, [](const act::alarm& one) { return one.raised; }));
    CHECK(r.machine->snapshot().circuit == circuit_state::closed);
    CHECK(r.journal.all_parked().empty());
    CHECK(r.journal.books().pending == 28);
    CHECK(requests.size() < 5 * 28 * 150); // about two a minute for each, at most
    busy = false;
    r.run(erp, 5 * k_minute_us);
    CHECK(r.journal.books().applied == 28);
}

TEST_CASE(
    "a dead letter that is tried again at an ERP that is away is asked for if that took long") {
    const bool restarts = GENERATE(false, true);
    auto options = at_once();
    options.poison_attempts = 1;
    rig r(options);
    r.append(lane::shipment, {7});
    r.run(applied, k_minute_us);
    r.append(lane::shipment, {1});
    r.run([](const request& q) { return each(q, wharf::v1::ITEM_STATUS_ERROR); }, 1'000'000);
    REQUIRE(r.journal.books().dead == 1);
    r.machine->retry_dead(1, 2, r.now());
    r.settle();
    REQUIRE(r.until_request());
    CHECK_FALSE(r.on_the_way.front().asks);
    r.run([](const request&) { return refused_connection(); }, k_memory_us);
    if (restarts) r.restart();
    std::size_t sent = 0;
    const auto rest = r.run([&](const request& q) {
        if (q.asks) return each(q, wharf::v1::ITEM_STATUS_NOT_HELD);
        return ++sent == 1 ? refused_connection() : applied(q);
    });
    REQUIRE(rest.size() == 3); // and once it is known to be missing, not a second time
    CHECK(rest[0].asks);
    CHECK_FALSE(rest[1].asks);
    CHECK_FALSE(rest[2].asks);
    CHECK(r.journal.books().applied == 2);
}
