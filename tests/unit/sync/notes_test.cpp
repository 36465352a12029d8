// How long things take, as the machine notes it: from the commit on, in running time.
#include "tests/unit/sync/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;
using what = delivery_note::what;

namespace {

struct watched : rig {
    watched() {
        options.notes = true;
        options.journal_ahead_us = k_journal_start;
        restart();
    }
    std::vector<delivery_note> take(what about) {
        for (auto& each : machine->notes())
            all.push_back(each);
        machine->notes().clear();
        std::vector<delivery_note> out;
        for (const auto& each : all)
            if (each.about == about) out.push_back(each);
        return out;
    }
    std::vector<delivery_note> all;
};

} // namespace

TEST_CASE("nothing is noted where nobody asks") {
    rig r;
    r.append(lane::shipment, {1});
    r.run(applied);
    CHECK(r.machine->notes().empty());
}

TEST_CASE("the first attempt, the answer and the end of an update are noted from its commit on") {
    watched r;
    r.append(lane::shipment, {1});
    const auto committed_us = r.now_us;
    REQUIRE(r.until_request());
    const auto sent_us = r.now_us;
    r.advance(30'000);
    r.answer_all_applied();

    const auto sent = r.take(what::sent);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].in_lane == lane::shipment);
    CHECK(sent[0].committed_us == committed_us);
    CHECK(sent[0].took_us == sent_us - committed_us);
    CHECK(sent[0].count == 1);
    const auto answered = r.take(what::answered);
    REQUIRE(answered.size() == 1);
    CHECK(answered[0].took_us == 30'000);
    const auto settled = r.take(what::settled);
    REQUIRE(settled.size() == 1);
    CHECK(settled[0].took_us == r.now_us - committed_us);
}

TEST_CASE("updates of one commit make one note") {
    watched r;
    for (std::uint64_t key = 1; key <= 5; ++key)
        r.append(lane::inventory, {key});
    REQUIRE(r.until_request());
    r.answer_all_applied();
    REQUIRE(r.take(what::settled).size() == 1);
    CHECK(r.take(what::settled)[0].count == 5);
}

TEST_CASE("a retry is answered again, but was first sent once and is settled once") {
    watched r;
    r.append(lane::shipment, {1});
    REQUIRE(r.until_request());
    r.answer([](const request&) { return http(503); });
    REQUIRE(r.until_request(120'000'000));
    r.answer_all_applied();
    CHECK(r.take(what::sent).size() == 1);
    CHECK(r.take(what::answered).size() == 2);
    CHECK(r.take(what::settled).size() == 1);
}

TEST_CASE("an attempt without an answer is not noted as answered") {
    watched r;
    r.append(lane::shipment, {1});
    REQUIRE(r.until_request());
    r.answer([](const request&) { return reset(); });
    CHECK(r.take(what::answered).empty());
}

TEST_CASE("what the ERP refuses is settled too: its word is there") {
    watched r;
    r.append(lane::shipment, {1});
    REQUIRE(r.until_request());
    r.answer([](const request& q) { return each(q, wharf::v1::ITEM_STATUS_REFUSED, "rule"); });
    CHECK(r.take(what::settled).size() == 1);
}

TEST_CASE("after a restart an open batch is settled from its commit on, and not sent first again") {
    watched r;
    r.append(lane::shipment, {1});
    const auto committed_us = r.now_us;
    REQUIRE(r.until_request());
    r.machine->notes().clear();
    r.on_the_way.clear();
    r.now_us += 1'000'000;
    r.restart();
    REQUIRE(r.until_request());
    r.answer_all_applied();
    CHECK(r.take(what::sent).empty());
    REQUIRE(r.take(what::settled).size() == 1);
    CHECK(r.take(what::settled)[0].took_us == r.now_us - committed_us);
}

TEST_CASE("requests and the last success are counted") {
    watched r;
    CHECK_FALSE(r.machine->snapshot().last_applied_us);
    r.append(lane::shipment, {1});
    REQUIRE(r.until_request());
    r.answer([](const request&) { return http(503); });
    REQUIRE(r.until_request(120'000'000));
    r.answer_all_applied();
    CHECK(r.machine->snapshot().requests == 2);
    CHECK(r.machine->snapshot().last_applied_us == r.now_us);
}
