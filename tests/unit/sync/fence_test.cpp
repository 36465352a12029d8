// What a destination does when the ERP knows of a later takeover of this gateway's journal.
#include "tests/unit/sync/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

namespace {

connector_answer fenced(const request&) {
    auto out = http(409);
    out.code = k_code_fenced;
    out.words = "takeover 1 of WH7 holds";
    return out;
}

bool nothing_more(rig& r) {
    return !r.until_request(3'600'000'000);
}

} // namespace

TEST_CASE("a fenced destination journals it, says so and sends nothing more") {
    rig r;
    r.append(lane::inventory, {1});
    r.append(lane::shipment, {2});
    REQUIRE(r.until_request());
    r.answer(fenced);
    CHECK(r.journal.fence ==
          "another gateway has taken over this one's journal: takeover 1 of WH7 holds");
    CHECK(r.alarmed(k_alarm_fenced));
    CHECK(r.machine->snapshot().fenced);
    CHECK(r.machine->snapshot().stopped == r.journal.fence);
    CHECK(r.journal.books().pending == 2);
    CHECK(r.journal.books().dead == 0);
    r.on_the_way.clear(); // what was under way besides
    r.append(lane::inventory, {3});
    CHECK(nothing_more(r));
    r.machine->resume(r.now());
    r.settle();
    CHECK(nothing_more(r));
}

TEST_CASE("a fence holds from the start of the next run") {
    rig r;
    r.append(lane::inventory, {1});
    REQUIRE(r.until_request());
    r.answer(fenced);
    r.options.fenced = r.journal.fence;
    r.restart();
    CHECK(nothing_more(r));
    r.machine->resume(r.now());
    r.settle();
    CHECK(nothing_more(r));
    CHECK(r.machine->snapshot().stopped == r.journal.fence);
}

TEST_CASE("a crash before the fence is durable hears it again") {
    rig r;
    r.append(lane::inventory, {1});
    REQUIRE(r.until_request());
    const auto asked = r.on_the_way.front();
    r.on_the_way.pop_front();
    r.machine->on_answer(asked.batch, fenced(asked), r.now());
    r.settle();
    CHECK(r.journal.fence.empty());
    r.restart();
    REQUIRE(r.until_request());
    r.answer(fenced);
    CHECK_FALSE(r.journal.fence.empty());
}

TEST_CASE("a fence instead of an answer to a question stops it too") {
    rig r;
    r.append(lane::inventory, {1});
    REQUIRE(r.until_request());
    r.rendering = "v2"; // the next run asks before it repeats
    r.restart();
    REQUIRE(r.until_request(r.options.settle_us * 2));
    CHECK(r.on_the_way.front().asks);
    r.answer(fenced);
    CHECK_FALSE(r.journal.fence.empty());
    CHECK(nothing_more(r));
}

TEST_CASE("answers that were on their way when the fence came are taken") {
    rig r;
    r.append(lane::shipment, {1});
    REQUIRE(r.until_request());
    r.append(lane::inventory, {2});
    for (int i = 0; i < 100 && r.on_the_way.size() < 2; ++i) {
        r.commit_all();
        r.advance(10'000);
    }
    REQUIRE(r.on_the_way.size() == 2);
    r.answer(fenced);
    r.answer(applied);
    CHECK(r.journal.books().applied == 1);
    CHECK(r.journal.books().pending == 1);
}

TEST_CASE("what another destination heard stops this one without a word of its own") {
    rig r;
    r.append(lane::inventory, {1});
    r.machine->fence("another gateway has taken over", r.now());
    r.settle();
    CHECK(r.journal.fence.empty());
    CHECK(nothing_more(r));
    CHECK(r.machine->snapshot().stopped == "another gateway has taken over");
}
