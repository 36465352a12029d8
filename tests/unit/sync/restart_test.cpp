// The process ends in every state a batch has; what is committed is all that the next run knows.
#include "tests/unit/sync/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

namespace {
rig with_one() {
    delivery_options options;
    options.lanes[1].batch_max_delay_us = 0;
    rig r(options);
    r.append(lane::inventory, {1});
    return r;
}
} // namespace

TEST_CASE("ended before the seal was durable: the batch is formed anew") {
    auto r = with_one();
    REQUIRE(r.journaling.size() == 1);
    r.restart();
    CHECK(r.answer_all_applied().numbers() == std::vector<sequence>{1});
    CHECK(r.journal.books().applied == 1);
}

TEST_CASE("ended after the seal: the same batch is sent, with the same keys") {
    auto r = with_one();
    r.commit_all();
    REQUIRE(r.on_the_way.size() == 1);
    const auto before = r.on_the_way.front();
    r.restart();
    const auto after = r.answer_all_applied();
    CHECK(after.batch == before.batch);
    CHECK(after.items == before.items);
    CHECK_FALSE(after.asks);
    CHECK(r.journal.seals == 1);
    CHECK(r.machine->idle());
}

TEST_CASE("ended before the outcome was durable: sent again, settled once") {
    auto r = with_one();
    r.commit_all();
    const auto first = r.on_the_way.front();
    r.answer(first, applied(first));
    r.restart();
    r.answer([](const request& q) { return each(q, wharf::v1::ITEM_STATUS_ALREADY_APPLIED); });
    CHECK(r.journal.books().applied == 1);
}

TEST_CASE("ended after the outcome: nothing is left") {
    auto r = with_one();
    r.answer_all_applied();
    r.restart();
    CHECK_FALSE(r.until_request(600'000'000));
    CHECK(r.machine->idle());
}

TEST_CASE("an upgrade that renders other bytes asks before it sends") {
    auto r = with_one();
    r.append(lane::inventory, {2});
    r.commit_all();
    REQUIRE(r.on_the_way.size() == 2);
    r.rendering = "v2";
    r.restart();
    REQUIRE(r.until_request(600'000'000));
    for (const auto& request : r.on_the_way)
        CHECK(request.asks);
    const auto rest = r.run([](const request& q) {
        if (!q.asks) return applied(q);
        auto out = each(q, wharf::v1::ITEM_STATUS_NOT_HELD);
        if (q.items[0].number == 1) out.items[0].status = wharf::v1::ITEM_STATUS_ALREADY_APPLIED;
        return out;
    });
    CHECK(rest.size() == 3);
    CHECK(r.journal.books().applied == 2);
}

TEST_CASE("an upgrade that renders other bytes for an ERP that cannot be asked: dead, with words") {
    auto r = with_one();
    r.commit_all();
    r.rendering = "v2";
    r.options.can_ask = false;
    r.restart();
    r.advance(600'000'000);
    REQUIRE(r.journal.books().dead == 1);
    CHECK(r.journal.parked(1)->code() == "outcome_unknown");
}

TEST_CASE("ended for longer than the ERP remembers keys: asked first") {
    auto r = with_one();
    r.commit_all();
    r.now_us += r.options.remembers_keys_for_us;
    r.restart();
    REQUIRE(r.until_request(600'000'000));
    CHECK(r.on_the_way.front().asks);
}

TEST_CASE("ended while a batch is divided: the whole is sent again") {
    rig r;
    for (std::uint64_t key = 1; key <= 4; ++key)
        r.append(lane::inventory, {key});
    REQUIRE(r.until_request());
    const auto whole = r.on_the_way.front();
    r.answer(whole, http(413)); // the halves' seals are not committed
    r.restart();
    CHECK(r.answer([](const request&) { return http(413); }).batch == whole.batch);
    r.restart(); // now they are
    const auto requests = r.run(applied);
    REQUIRE(requests.size() == 2);
    CHECK(requests[0].items.size() == 2);
    CHECK(r.journal.books().applied == 4);
}

TEST_CASE("a released update that was on its way is not released twice") {
    rig r;
    r.append(lane::inventory, {1});
    r.append(lane::inventory, {1});
    r.answer([](const request& q) { return each(q, wharf::v1::ITEM_STATUS_REFUSED); });
    r.advance(1'000'000);
    r.machine->retry_dead(1, 1, r.now());
    r.settle();
    REQUIRE(r.until_request());
    r.restart();
    const auto requests = r.run(applied);
    REQUIRE(requests.size() == 2);
    CHECK(requests[0].numbers() == std::vector<sequence>{1});
    CHECK(requests[1].numbers() == std::vector<sequence>{2});
}

TEST_CASE("a backlog larger than the window is delivered whole after a restart, by pages") {
    rig r;
    r.options.lanes[1].batch_items_max = 1000;
    for (std::uint64_t key = 1; key <= 6000; ++key)
        r.append_silently(lane::inventory, {key});
    r.restart();
    r.run(applied);
    CHECK(r.journal.books().applied == 6000);
    CHECK(r.journal.delivery().low_water[1] == 6000);
    CHECK(r.journal.marks() == 0);
    CHECK(r.pages < 60);
}
