// Dead letters, what waits behind them, and an operator's commands.
#include "tests/unit/sync/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

namespace {
struct erp {
    std::set<sequence> refuses;
    std::string code = "closed";
    std::vector<sequence> applied_in_order;
    connector_answer operator()(const request& q) {
        auto out = applied(q);
        for (std::size_t i = 0; i < q.items.size(); ++i) {
            if (refuses.contains(q.items[i].number))
                out.items[i] = {wharf::v1::ITEM_STATUS_REFUSED, code, "no"};
            else
                applied_in_order.push_back(q.items[i].number);
        }
        return out;
    }
};

void run(rig& r, erp& e) {
    r.run([&](const request& q) { return e(q); });
}

bool waiting(const rig& r, sequence number) {
    const auto* parked = r.journal.parked(number);
    return parked != nullptr && parked->state() == wharf::v1::PARKED_STATE_WAITING;
}
} // namespace

TEST_CASE("what shares a key with a dead letter waits on disk, everything else goes on") {
    rig r;
    erp e{{1}, "closed", {}};
    r.append(lane::inventory, {1, 2});
    r.append(lane::inventory, {2, 3});
    r.append(lane::shipment, {3});
    r.append(lane::inventory, {4});
    run(r, e);
    CHECK(r.journal.books().dead == 1);
    CHECK(waiting(r, 2));
    CHECK(waiting(r, 3));
    CHECK(r.journal.settled(4) == settlement::applied);
    CHECK(r.journal.books().pending == 2);
    CHECK(r.machine->snapshot().blocked_keys == 3);
    CHECK(r.journal.marks() == 0);
}

TEST_CASE("a discarded dead letter releases what waits, in order") {
    rig r;
    erp e{{1}, "closed", {}};
    for (int i = 0; i < 4; ++i)
        r.append(lane::inventory, {1});
    run(r, e);
    r.machine->discard_dead(77, 1, "counted by hand", r.now());
    r.settle();
    CHECK(r.replies.empty()); // not before it is durable
    run(r, e);
    REQUIRE(r.replies.size() == 1);
    CHECK(r.replies[0].command == 77);
    CHECK(r.replies[0].failure.empty());
    CHECK(r.journal.settled(1) == settlement::discarded);
    CHECK(e.applied_in_order == std::vector<sequence>{2, 3, 4});
    CHECK(r.machine->snapshot().blocked_keys == 0);
    CHECK(r.machine->idle());
    CHECK(std::ranges::any_of(r.logs, [](const std::string& text) {
        return text.find("counted by hand") != std::string::npos;
    }));
}

TEST_CASE("a dead letter that is tried again keeps its key and its place") {
    rig r;
    erp e{{1}, "closed", {}};
    for (int i = 0; i < 3; ++i)
        r.append(lane::inventory, {1});
    run(r, e);
    r.machine->retry_dead(1, 1, r.now());
    r.settle();
    run(r, e); // refused again
    CHECK(r.journal.parked(1)->state() == wharf::v1::PARKED_STATE_DEAD);
    CHECK(r.journal.parked(1)->attempts() == 2);
    CHECK(r.journal.parked(1)->revision() == 0);
    e.refuses.clear();
    r.machine->retry_dead(2, 1, r.now());
    r.settle();
    run(r, e);
    CHECK(e.applied_in_order == std::vector<sequence>{1, 2, 3});
    CHECK(r.machine->idle());
}

TEST_CASE("a command for what is not dead says so") {
    rig r;
    erp e{{1}, "closed", {}};
    r.append(lane::inventory, {1});
    r.append(lane::inventory, {1});
    run(r, e);
    r.machine->retry_dead(1, 2, r.now());
    r.machine->discard_dead(2, 17, "", r.now());
    r.settle();
    REQUIRE(r.replies.size() == 2);
    CHECK(r.replies[0].failure == "it is not a dead letter");
    CHECK(r.replies[1].failure == "nothing is parked under this number");
}

TEST_CASE("a dead count holds nobody back") {
    rig r;
    erp e{{1}, "closed", {}};
    r.append(lane::count, {1});
    r.append(lane::inventory, {1});
    run(r, e);
    CHECK(r.journal.books().dead == 1);
    CHECK(r.journal.settled(2) == settlement::applied);
    CHECK(r.machine->snapshot().blocked_keys == 0);
}

TEST_CASE("a dead count that is tried again takes its place in front and blocks meanwhile") {
    rig r;
    erp e{{1}, "closed", {}};
    r.append(lane::count, {1});
    run(r, e);
    e.refuses.clear();
    r.machine->retry_dead(1, 1, r.now());
    r.settle();
    r.append(lane::inventory, {1});
    run(r, e);
    CHECK(e.applied_in_order == std::vector<sequence>{1, 2});
    CHECK(r.machine->idle());
}

TEST_CASE("insufficient stock behind an undelivered count waits for it, and is no dead letter") {
    rig r;
    erp e{{1}, "closed", {}};
    r.append(lane::count, {1});
    run(r, e);
    r.restart(); // what is dead without blocking is remembered
    e.refuses = {2};
    e.code = "insufficient_stock";
    r.append(lane::inventory, {1});
    r.append(lane::inventory, {1});
    run(r, e);
    CHECK(waiting(r, 2));
    CHECK(waiting(r, 3));
    CHECK(r.journal.parked(1)->blocks());
    r.restart(); // all of that is in the journal
    run(r, e);
    CHECK(waiting(r, 2));
    e.refuses.clear();
    r.machine->retry_dead(1, 1, r.now());
    r.settle();
    run(r, e);
    CHECK(e.applied_in_order == std::vector<sequence>{1, 2, 3});
}

TEST_CASE("insufficient stock with nothing undelivered before it is a dead letter") {
    rig r;
    erp e{{1}, "insufficient_stock", {}};
    r.append(lane::inventory, {1});
    run(r, e);
    CHECK(r.journal.books().dead == 1);
}

TEST_CASE("what waits behind two dead letters is released by the second") {
    rig r;
    erp e{{1, 2}, "closed", {}};
    r.append(lane::inventory, {1});
    r.append(lane::inventory, {2});
    r.append(lane::inventory, {1, 2});
    run(r, e);
    e.refuses.clear();
    r.machine->retry_dead(1, 1, r.now());
    r.settle();
    run(r, e);
    CHECK(waiting(r, 3));
    r.machine->discard_dead(2, 2, "", r.now());
    r.settle();
    run(r, e);
    CHECK(e.applied_in_order == std::vector<sequence>{1, 3});
}

TEST_CASE("a restart between release and delivery loses nothing of the queue") {
    rig r;
    erp e{{1}, "closed", {}};
    for (int i = 0; i < 3; ++i)
        r.append(lane::inventory, {1});
    run(r, e);
    r.machine->discard_dead(1, 1, "", r.now());
    r.settle();
    r.commit_one(); // the discard is durable, 2 is released
    r.restart();
    run(r, e);
    CHECK(e.applied_in_order == std::vector<sequence>{2, 3});
}

TEST_CASE(
    "a dead letter of unknown outcome whose key may be forgotten is asked for before a retry") {
    rig r;
    r.options.lanes[1].batch_items_max = 1;
    r.restart();
    r.append(lane::inventory, {1});
    std::uint64_t key = 10;
    while (r.journal.books().dead == 0) {
        r.append(lane::inventory, {key++});
        r.run([](const request& q) { return q.items[0].number == 1 ? http(500) : applied(q); },
              60'000'000);
    }
    r.now_us += r.options.remembers_keys_for_us + 1;
    r.machine->retry_dead(1, 1, r.now());
    r.settle();
    const auto requests = r.run([](const request& q) {
        return q.asks ? each(q, wharf::v1::ITEM_STATUS_NOT_HELD) : applied(q);
    });
    REQUIRE(requests.size() == 2);
    CHECK(requests[0].asks);
    CHECK_FALSE(requests[1].asks);
    CHECK(r.journal.settled(1) == settlement::applied);
}
