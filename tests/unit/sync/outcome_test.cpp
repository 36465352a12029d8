// What becomes of updates by the ERP's answers.
#include "tests/unit/sync/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

namespace {
constexpr std::int64_t k_hour_us = 3'600'000'000;

void fill(rig& r, std::uint64_t count, lane in_lane = lane::inventory) {
    for (std::uint64_t key = 1; key <= count; ++key)
        r.append(in_lane, {key});
}
} // namespace

TEST_CASE("each item of an answer finds its own end") {
    rig r;
    fill(r, 7);
    r.answer([](const request& q) {
        auto out = applied(q);
        out.items[1] = says(wharf::v1::ITEM_STATUS_ALREADY_APPLIED);
        out.items[2] = {wharf::v1::ITEM_STATUS_REFUSED, "closed_period", "the month is closed"};
        out.items[3] = says(wharf::v1::ITEM_STATUS_CONFLICT);
        out.items[4] = says(wharf::v1::ITEM_STATUS_FORBIDDEN);
        out.items[5] = says(wharf::v1::ITEM_STATUS_THROTTLED);
        out.items[6] = says(wharf::v1::ITEM_STATUS_NOT_ATTEMPTED);
        return out;
    });
    CHECK(r.journal.books().applied == 2);
    CHECK(r.journal.books().dead == 3);
    CHECK(r.journal.parked(3)->code() == "closed_period");
    CHECK(r.journal.parked(3)->message() == "the month is closed");
    CHECK(r.journal.parked(4)->code() == "conflict");
    CHECK(r.journal.parked(5)->code() == "forbidden");
    CHECK(r.journal.parked(5)->attempts() == 1);
    r.run(applied);
    CHECK(r.journal.books().applied == 4);
    CHECK(r.journal.books().pending == 0);
}

TEST_CASE("items without an answer stay sealed and are sent again under the same keys") {
    rig r;
    fill(r, 3);
    const auto first = r.answer([](const request& q) {
        auto out = applied(q);
        out.items.resize(1);
        return out;
    });
    CHECK(first.items.size() == 3);
    CHECK(r.journal.sealed(2));
    CHECK(r.journal.sealed(3));
    CHECK(r.journal.settled(1) == settlement::applied);
    const auto second = r.answer_all_applied();
    CHECK(second.numbers() == std::vector<sequence>{2, 3});
    CHECK(r.journal.books().applied == 3);
}

TEST_CASE("a time-out sends the very same batch again") {
    rig r;
    fill(r, 3);
    const auto first = r.answer([](const request&) { return reset(); });
    CHECK(r.journal.seals == 1);
    const auto second = r.answer_all_applied();
    CHECK(second.batch == first.batch);
    CHECK(second.items == first.items);
    CHECK(r.journal.seals == 1);
}

TEST_CASE("Retry-After holds the whole destination, up to its bound") {
    rig r;
    r.options.lanes[1].batch_items_max = 1;
    r.restart();
    fill(r, 6);
    r.answer([](const request&) {
        auto out = http(429);
        out.retry_after_us = 120'000'000;
        return out;
    });
    const auto since = r.now_us;
    while (!r.on_the_way.empty())
        r.answer_all_applied(); // what was under way already
    const auto count = r.journal.books().applied;
    r.advance(119'000'000);
    CHECK(r.on_the_way.empty());
    CHECK(r.journal.books().applied == count);
    r.run(applied);
    CHECK(r.journal.books().applied == 6);
    CHECK(r.now_us - since >= 120'000'000);

    r.append(lane::inventory, {99});
    r.answer([](const request&) {
        auto out = http(503);
        out.retry_after_us = 1000 * k_hour_us;
        return out;
    });
    REQUIRE(r.machine->next_wake_us().has_value());
    CHECK(*r.machine->next_wake_us() <= r.now_us + r.options.retry_after_max_us);
}

TEST_CASE("413 halves, in one request with the seals of the halves, down to the one that is dead") {
    rig r;
    fill(r, 8);
    const auto requests = r.run([](const request& q) {
        for (const auto& item : q.items)
            if (item.number == 5) return http(413);
        return applied(q);
    });
    CHECK(requests.front().items.size() == 8);
    CHECK(r.journal.books().applied == 7);
    CHECK(r.journal.parked(5)->code() == "too_large");
    CHECK(requests.size() == 7); // 8, 4+4, 2+2, 1+1
}

TEST_CASE("one poison update in a batch is found by halving and is dead, the others are applied") {
    rig r;
    fill(r, 16);
    std::uint64_t key = 100;
    std::size_t alone = 0;
    const auto erp = [&](const request& q) {
        for (const auto& item : q.items)
            if (item.number == 6) {
                if (q.items.size() == 1) ++alone;
                return http(500);
            }
        return applied(q);
    };
    // Business goes on meanwhile.
    for (int i = 0; i < 400 && r.journal.books().dead == 0; ++i) {
        r.append(lane::inventory, {key++});
        r.run(erp, 5'000'000);
    }
    CHECK(r.journal.parked(6) != nullptr);
    CHECK(r.journal.parked(6)->code() == "outcome_unknown");
    CHECK(r.journal.books().dead == 1);
    CHECK(alone >= r.options.poison_attempts);
    r.run(erp);
    CHECK(r.journal.books().pending == 0);
}

TEST_CASE("500 for everything, for hours: nothing is parked, nothing is lost, and it recovers") {
    rig r;
    fill(r, 300);
    fill(r, 40, lane::count);
    const auto requests = r.run([](const request&) { return http(500); }, 12 * k_hour_us);
    CHECK(r.journal.books().dead == 0);
    CHECK(r.journal.books().pending == 340);
    CHECK(requests.size() < 12 * 150); // about one probe a minute, at most
    CHECK(requests.size() > 12 * 20);
    CHECK(r.alarmed("circuit"));
    r.run(applied, k_hour_us);
    CHECK(r.journal.books().applied == 340);
    CHECK_FALSE(r.alarmed("circuit"));
    CHECK(r.machine->idle());
}

TEST_CASE("a poison update alone at a broken ERP does not keep others from being probed") {
    rig r;
    r.options.lanes[1].batch_items_max = 1;
    r.restart();
    fill(r, 10);
    bool broken = true;
    const auto erp = [&](const request& q) {
        return broken || q.items[0].number == 1 ? http(500) : applied(q);
    };
    r.run(erp, k_hour_us);
    CHECK(r.journal.books().applied == 0);
    broken = false;
    r.run(erp, k_hour_us);
    CHECK(r.journal.books().applied == 9);
}

TEST_CASE("an unreachable ERP opens the circuit; one probe at a time, then all at once") {
    rig r;
    r.options.lanes[1].batch_items_max = 1;
    r.restart();
    fill(r, 12);
    const auto tries = r.run([](const request&) { return refused_connection(); }, k_hour_us);
    CHECK(tries.size() < 150);
    CHECK(r.journal.books().pending == 12);
    CHECK(r.until_request(120'000'000));
    CHECK(r.on_the_way.size() == 1); // the probe
    r.run(applied);
    CHECK(r.journal.books().applied == 12);
}

TEST_CASE(
    "an unreachable ERP opens the circuit though one update alone waits, a bad answer does not") {
    const bool reachable = GENERATE(true, false);
    rig r;
    fill(r, 1);
    r.run([&](const request&) { return reachable ? http(503) : refused_connection(); }, 60'000'000);
    CHECK(r.alarmed("circuit") != reachable);
    CHECK((r.machine->snapshot().circuit == circuit_state::closed) == reachable);
    r.run(applied);
    CHECK(r.journal.books().applied == 1);
    CHECK(r.machine->snapshot().circuit == circuit_state::closed);
}

TEST_CASE("401 stops the destination and loses nothing; resume goes on") {
    rig r;
    fill(r, 3);
    r.answer([](const request&) { return http(401); });
    CHECK(r.alarmed("stopped"));
    CHECK_FALSE(r.machine->snapshot().stopped.empty());
    CHECK_FALSE(r.until_request(k_hour_us));
    CHECK(r.journal.books().dead == 0);
    r.machine->resume(r.now());
    r.settle();
    r.run(applied);
    CHECK(r.journal.books().applied == 3);
    CHECK_FALSE(r.alarmed("stopped"));
}

TEST_CASE("an answer outside of the contract stops the destination without dead letters") {
    for (int status : {301, 302, 400, 404, 405, 410, 415}) {
        rig r;
        fill(r, 2);
        r.answer([&](const request&) { return http(status); });
        INFO("HTTP " << status);
        CHECK(r.alarmed("stopped"));
        CHECK_FALSE(r.until_request(k_hour_us));
        CHECK(r.journal.books().pending == 2);
    }
}

TEST_CASE("422 for several sends them one by one; the one that is refused alone is dead") {
    rig r;
    fill(r, 5);
    const auto requests = r.run([](const request& q) {
        for (const auto& item : q.items)
            if (item.number == 2) return http(422);
        return applied(q);
    });
    CHECK(requests.size() == 6);
    CHECK(r.journal.books().applied == 4);
    CHECK(r.journal.books().dead == 1);
}

TEST_CASE("403 for one document is its dead letter") {
    rig r;
    r.options.lanes[1].batch_items_max = 1;
    r.restart();
    fill(r, 5);
    r.run([](const request& q) { return q.items[0].number == 3 ? http(403) : applied(q); });
    CHECK(r.journal.parked(3)->code() == "forbidden");
    CHECK(r.journal.books().applied == 4);
    CHECK(r.machine->snapshot().stopped.empty());
}

TEST_CASE("403 for one document with nothing else to send is its dead letter too") {
    rig r;
    r.append(lane::inventory, {1});
    r.run([](const request&) { return http(403); });
    CHECK(r.journal.books().dead == 1);
}

TEST_CASE("credentials that fail while business is slow cost two dead letters, then it stops") {
    rig r;
    for (std::uint64_t key = 1; key <= 5; ++key) {
        r.append(lane::inventory, {key});
        r.run([](const request&) { return http(403); });
    }
    CHECK_FALSE(r.machine->snapshot().stopped.empty());
    CHECK(r.journal.books().dead == 2);
    CHECK(r.journal.books().pending == 3);
}

TEST_CASE("403 across keys stops the destination, and nothing is dead") {
    rig r;
    fill(r, 8);
    r.run([](const request&) { return http(403); }, k_hour_us);
    CHECK_FALSE(r.machine->snapshot().stopped.empty());
    CHECK(r.journal.books().dead == 0);
    CHECK(r.journal.books().pending == 8);
}

TEST_CASE("an ERP without memory of keys is asked before anything is repeated") {
    rig r;
    r.options.remembers_keys_for_us = 0;
    r.restart();
    fill(r, 3);
    const auto first = r.answer([](const request&) { return reset(); });
    const auto asked_from = r.now_us;
    const auto question = r.answer([](const request& q) {
        auto out = each(q, wharf::v1::ITEM_STATUS_NOT_HELD);
        out.items[1].status = wharf::v1::ITEM_STATUS_ALREADY_APPLIED;
        out.items[2].status = wharf::v1::ITEM_STATUS_IN_PROGRESS;
        return out;
    });
    CHECK(question.asks);
    CHECK(question.items == first.items);
    CHECK(r.now_us - asked_from >= r.options.settle_us);
    CHECK(r.journal.settled(2) == settlement::applied);
    CHECK(r.journal.sealed(3)); // asked again later
    CHECK_FALSE(r.journal.parked(1));
    const auto rest = r.run([](const request& q) {
        return q.asks ? each(q, wharf::v1::ITEM_STATUS_ALREADY_APPLIED) : applied(q);
    });
    CHECK(r.journal.books().applied == 3);
    CHECK(std::ranges::any_of(
        rest, [](const request& q) { return !q.asks && q.numbers() == std::vector<sequence>{1}; }));
    CHECK(std::ranges::none_of(rest, [](const request& q) {
        return !q.asks && std::ranges::count(q.numbers(), sequence{3}) > 0;
    }));
}

TEST_CASE("an ERP that was away longer than it remembers keys is asked first") {
    rig r;
    fill(r, 2);
    r.answer([](const request&) { return reset(); });
    r.machine->pause(r.now());
    r.now_us += r.options.remembers_keys_for_us + 1;
    r.machine->resume(r.now());
    r.settle();
    REQUIRE(r.until_request());
    CHECK(r.on_the_way.front().asks);
    r.run([](const request& q) {
        return q.asks ? each(q, wharf::v1::ITEM_STATUS_NOT_HELD) : applied(q);
    });
    CHECK(r.journal.books().applied == 2);
}

TEST_CASE("where asking is needed and impossible the update is a dead letter that says so") {
    rig r;
    r.options.remembers_keys_for_us = 0;
    r.options.can_ask = false;
    r.restart();
    r.append(lane::inventory, {1});
    r.answer([](const request&) { return reset(); });
    r.advance(k_hour_us);
    REQUIRE(r.journal.books().dead == 1);
    CHECK(r.journal.parked(1)->code() == "outcome_unknown");
    CHECK(r.journal.parked(1)->message().find("cannot be asked") != std::string::npos);

    // To try it again would say the same for ever: a person is told what to do instead.
    r.machine->retry_dead(1, 1, r.now());
    r.settle();
    REQUIRE(r.replies.size() == 1);
    CHECK(r.replies[0].failure.find("discard it here") != std::string::npos);
    CHECK(r.journal.parked(1)->state() == wharf::v1::PARKED_STATE_DEAD);
    r.machine->discard_dead(2, 1, "entered by hand", r.now());
    r.settle();
    r.commit_one();
    REQUIRE(r.replies.size() == 2);
    CHECK(r.replies[1].failure.empty());
    CHECK(r.journal.books().discarded == 1);
}

TEST_CASE("a connection that was refused needs no question, nothing was sent") {
    rig r;
    r.options.remembers_keys_for_us = 0;
    r.options.can_ask = false;
    r.restart();
    r.append(lane::inventory, {1});
    r.answer([](const request&) { return refused_connection(); });
    r.run(applied);
    CHECK(r.journal.books().applied == 1);
}

TEST_CASE("an item that is throttled again and again steps aside, so that its lane goes on") {
    rig r;
    r.append(lane::inventory, {1});
    for (int i = 0; i < 5; ++i)
        r.append(lane::inventory, {1});
    bool throttled = true;
    const auto erp = [&](const request& q) {
        auto out = applied(q);
        for (std::size_t i = 0; i < q.items.size(); ++i)
            if (throttled && q.items[i].number == 1)
                out.items[i].status = wharf::v1::ITEM_STATUS_THROTTLED;
        return out;
    };
    r.run(erp, k_hour_us);
    CHECK(r.journal.parked(1)->state() == wharf::v1::PARKED_STATE_RETRY);
    CHECK(r.journal.delivery().low_water[1] == 6); // the lane's window is free
    throttled = false;
    r.run(erp, k_hour_us);
    CHECK(r.journal.books().applied == 6);
}
