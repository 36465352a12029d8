// Which updates travel together, when a batch closes, and what is durable before it is sent.
#include "tests/unit/sync/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

TEST_CASE("a batch is sent only once its seal is durable") {
    rig r;
    r.append(lane::inventory, {1});
    r.advance(0);
    r.now_us += r.options.lanes[1].batch_max_delay_us;
    r.machine->on_tick(r.now());
    r.settle();
    REQUIRE(r.journaling.size() == 1);
    CHECK(r.journaling.front().urgent);
    CHECK(r.on_the_way.empty());
    r.commit_one();
    REQUIRE(r.on_the_way.size() == 1);
    CHECK(r.journal.open().size() == 1);
    r.answer_all_applied();
    CHECK(r.journal.books().applied == 1);
    CHECK(r.journal.open().empty());
    CHECK(r.machine->idle());
}

TEST_CASE("a batch closes when it is full, without waiting") {
    rig r;
    r.options.lanes[1].batch_items_max = 3;
    r.restart();
    for (std::uint64_t key = 1; key <= 3; ++key)
        r.append(lane::inventory, {key});
    r.commit_all();
    REQUIRE(r.on_the_way.size() == 1);
    CHECK(r.on_the_way.front().numbers() == std::vector<sequence>{1, 2, 3});
}

TEST_CASE("a batch closes at its size in bytes") {
    rig r;
    r.options.lanes[1].batch_bytes_max = 500; // the model's events have 200
    r.restart();
    for (std::uint64_t key = 1; key <= 3; ++key)
        r.append(lane::inventory, {key});
    r.commit_all();
    REQUIRE(r.on_the_way.size() == 1);
    CHECK(r.on_the_way.front().numbers() == std::vector<sequence>{1, 2});
}

TEST_CASE("a batch closes when its first update has waited long enough, not before") {
    rig r;
    r.append(lane::inventory, {1});
    const auto delay = r.options.lanes[1].batch_max_delay_us;
    r.advance(delay - 1);
    CHECK(r.on_the_way.empty());
    r.append(lane::inventory, {2});
    r.advance(1);
    REQUIRE(r.on_the_way.size() == 1);
    CHECK(r.on_the_way.front().numbers() == std::vector<sequence>{1, 2});
}

TEST_CASE("the highest lane goes first, and lanes do not mix") {
    rig r;
    r.options.in_flight_max = 1;
    r.restart();
    r.append(lane::telemetry, {1});
    r.append(lane::count, {2});
    r.append(lane::shipment, {3});
    std::vector<sequence> order;
    for (const auto& request : r.run(applied)) {
        REQUIRE(request.items.size() == 1);
        order.push_back(request.items[0].number);
    }
    CHECK(order == std::vector<sequence>{3, 2, 1});
}

TEST_CASE("a count that a shipment waits for is sent in the shipment lane") {
    rig r;
    r.options.in_flight_max = 1;
    r.restart();
    r.append(lane::inventory, {1});
    r.append(lane::count, {7});
    r.append(lane::shipment, {7});
    std::vector<sequence> order;
    for (const auto& request : r.run(applied))
        for (auto number : request.numbers())
            order.push_back(number);
    CHECK(order.front() == 2);
}

TEST_CASE("updates that share a key are never on their way together") {
    rig r;
    for (int i = 0; i < 5; ++i)
        r.append(lane::inventory, {42}); // the rig throws where they are
    std::vector<sequence> order;
    for (const auto& request : r.run(applied)) {
        CHECK(request.items.size() == 1);
        order.push_back(request.items[0].number);
    }
    CHECK(order == std::vector<sequence>{1, 2, 3, 4, 5});
}

TEST_CASE("an ERP that applies in order gets a key's updates in one batch, in journal order") {
    rig r;
    r.options.in_order = true;
    r.restart();
    r.append(lane::inventory, {1});
    r.append(lane::inventory, {2});
    r.append(lane::inventory, {1, 2});
    r.append(lane::inventory, {1});
    const auto first = r.answer_all_applied();
    CHECK(first.numbers() == std::vector<sequence>{1, 2, 3, 4});
    CHECK(r.journal.books().applied == 4);
}

TEST_CASE("in order, what comes after a refusal waits behind the dead letter") {
    rig r;
    r.options.in_order = true;
    r.restart();
    for (int i = 0; i < 3; ++i)
        r.append(lane::inventory, {1});
    r.append(lane::inventory, {2});
    r.answer([](const request& q) {
        auto out = each(q, wharf::v1::ITEM_STATUS_NOT_ATTEMPTED);
        out.items[0].status = wharf::v1::ITEM_STATUS_REFUSED;
        return out;
    });
    r.run(applied);
    CHECK(r.journal.books().dead == 1);
    CHECK(r.journal.parked(2)->state() == wharf::v1::PARKED_STATE_WAITING);
    CHECK(r.journal.parked(3)->state() == wharf::v1::PARKED_STATE_WAITING);
    CHECK(r.journal.settled(4) == settlement::applied);
}

TEST_CASE("in order, what was not attempted stays with the unknown ones behind it") {
    rig r;
    r.options.in_order = true;
    r.restart();
    for (int i = 0; i < 3; ++i)
        r.append(lane::inventory, {1});
    r.append(lane::inventory, {2});
    r.answer([](const request& q) {
        auto out = each(q, wharf::v1::ITEM_STATUS_APPLIED);
        out.items[0].status = wharf::v1::ITEM_STATUS_ERROR;
        out.items[1].status = wharf::v1::ITEM_STATUS_NOT_ATTEMPTED;
        out.items[2] = {}; // missing
        return out;
    });
    const auto again = r.answer_all_applied();
    CHECK(again.numbers() == std::vector<sequence>{1, 2, 3});
    CHECK(r.journal.books().applied == 4);
}

TEST_CASE("no more batches are on their way than are allowed") {
    rig r;
    r.options.in_flight_max = 4;
    r.options.lanes[1].batch_items_max = 1;
    r.restart();
    for (std::uint64_t key = 1; key <= 20; ++key)
        r.append(lane::inventory, {key});
    r.advance(1'000'000);
    CHECK(r.on_the_way.size() == 4);
    r.run(applied);
    CHECK(r.journal.books().applied == 20);
}

TEST_CASE("names are stable and as the contract says") {
    CHECK(idempotency_key("WH7", 0x3f2a9c1b, {1234, 0}) == "WH7-3f2a9c1b-00000000000000001234-0");
    CHECK(batch_id("WH7", 0x3f2a9c1b, 42) == "WH7-3f2a9c1b-b00000000000000000042");
    CHECK(number_of({{1, 0}, {2, 0}}, 1, 0) == number_of({{1, 0}, {2, 0}}, 1, 0));
    CHECK(number_of({{1, 0}, {2, 0}}, 1, 0) != number_of({{1, 0}, {2, 1}}, 1, 0));
    CHECK(number_of({{1, 0}, {2, 0}}, 1, 0) != number_of({{1, 0}}, 1, 0));
}

TEST_CASE("settlement and the successor's seal reach the journal in this order") {
    rig r;
    r.options.lanes[1].batch_max_delay_us = 0;
    r.restart();
    r.append(lane::inventory, {1});
    r.append(lane::inventory, {1});
    r.commit_all();
    REQUIRE(r.on_the_way.size() == 1);
    const auto first = r.on_the_way.front();
    r.answer(first, applied(first)); // nothing is committed yet, the successor is sealed already
    REQUIRE(r.journaling.size() == 2);
    CHECK_FALSE(r.journaling[0].urgent);
    CHECK(std::holds_alternative<settle_update>(r.journaling[0].ops.front()));
    CHECK(r.journaling[1].urgent);
    CHECK(std::holds_alternative<seal_batch>(r.journaling[1].ops.front()));
}
