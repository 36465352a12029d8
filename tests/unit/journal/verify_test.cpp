// verify() finds every kind of planted damage and nothing where there is none.
#include "gateway/base/frame.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/inspect.hpp"
#include "tests/unit/journal/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

namespace {

// A journal with a record of every kind.
void fill(rig& r) {
    r.connect();
    for (int i = 0; i < 6; ++i)
        r.ingest_one({{"k" + std::to_string(i)}, "a", lane::inventory, {5}});
    r.ingest(make_unreadable("#"));
    r.ingest_one({{}, "keyless"});
    auto second = make_message({{{"qos2"}, "b"}});
    second.qos = 2;
    r.ingest(second);
    seal_batch seal{1, {}};
    seal.content.add_items()->set_sequence(5);
    r.commit({deliver({settle_update{1, settlement::applied},
                       park_update{2, parked(wharf::v1::PARKED_STATE_DEAD, {5, 6})},
                       park_update{3, parked(wharf::v1::PARKED_STATE_WAITING, {5})},
                       settle_update{6, settlement::applied}, set_mark{lane::inventory, 6},
                       advance_low_water{lane::inventory, 3}, seal})});
    r.percent = 99;
    r.commit({});
}

verification checked(rig& r) {
    auto out = verify(r.store);
    REQUIRE(out.ok());
    return *out;
}

std::string words_of(const verification& all) {
    std::string out;
    for (const finding& one : all.findings)
        out += one.where + ": " + one.what + "\n";
    return out;
}

} // namespace

TEST_CASE("a journal with every kind of record verifies clean") {
    rig r;
    fill(r);
    auto all = checked(r);
    INFO(words_of(all));
    CHECK(all.findings_total == 0);
    CHECK(all.events == 7); // 1 is gone, 2 and 3 are parked, 4 to 8
    CHECK(all.quarantined == 1);
    CHECK(all.parked == 2);
    CHECK(all.identities == 7);
    CHECK_FALSE(all.moved);
    std::uint64_t records = 0;
    auto kinds = totals(r.store);
    REQUIRE(kinds.ok());
    for (const kind_total& kind : *kinds) {
        INFO(kind.kind);
        CHECK(kind.kind != "?");
        records += kind.records;
    }
    CHECK(records == all.records);
}

TEST_CASE("a flipped bit in any record is found") {
    rig r;
    fill(r);
    for (const auto& [key, value] : r.store.read_all()) {
        INFO(format::describe_key(key));
        for (std::size_t at : {std::size_t{0}, value.size() - 1}) {
            std::string damaged = value;
            damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
            r.store.plant(key, damaged);
            auto out = verify(r.store);
            CHECK((!out.ok() || out->findings_total > 0));
        }
        r.store.plant(key, value);
    }
    CHECK(checked(r).findings_total == 0);
}

TEST_CASE("a missing record is found where others count on it") {
    rig r;
    fill(r);
    for (const auto& [key, value] : r.store.read_all()) {
        INFO(format::describe_key(key));
        std::string_view kind = format::kind_of(key);
        r.store.remove(key);
        auto out = verify(r.store);
        // Nothing else knows of these.
        bool alone = kind == "session" || kind == "packet id" || kind == "redelivery hint" ||
                     kind == "mark" || kind == "sealed batch" || key == format::parked_key(0, 3);
        if (!alone) CHECK((!out.ok() || out->findings_total > 0));
        r.store.plant(key, value);
    }
}

TEST_CASE("findings say what is wrong and where") {
    rig r;
    fill(r);
    SECTION("a gap") {
        r.store.remove(format::event_key(7));
        CHECK_THAT(words_of(checked(r)), Catch::Contains("event 8: events 7 to 7 are missing"));
    }
    SECTION("a parked update without its event") {
        r.store.remove(format::event_key(2));
        CHECK_THAT(words_of(checked(r)),
                   Catch::Contains("parked 0/2: its event 2 is not in the journal"));
    }
    SECTION("a sealed batch without its event") {
        r.store.remove(format::event_key(5));
        CHECK_THAT(words_of(checked(r)),
                   Catch::Contains("batch 0/1: its event 5 is not in the journal"));
    }
    SECTION("a parked update that its index does not know") {
        r.store.remove(format::parked_under_key(0, 6, 2));
        CHECK_THAT(words_of(checked(r)),
                   Catch::Contains("parked 0/2: it is not in the index of its keys"));
    }
    SECTION("books that lie about the dead") {
        auto state = *read_state(r.store);
        state.mutable_destinations(0)->set_dead(2);
        state.mutable_destinations(0)->set_pending(state.destinations(0).pending() - 1);
        r.store.plant(format::state_key(), format::seal(format::state_key(), state));
        CHECK_THAT(words_of(checked(r)),
                   Catch::Contains("books of erp: dead: 2 are said to be there, found 1"));
    }
    SECTION("a key of no known kind") {
        r.store.plant("Zx", frame("Zx", ""));
        CHECK_THAT(words_of(checked(r)), Catch::Contains("unknown key 5a78: of no known kind"));
    }
    SECTION("an event that waits for a later one") {
        auto head = *r.view().head(8);
        auto body = r.view().event(8)->event.SerializeAsString();
        head.links = {{5, 9, lane::inventory}};
        event_block_builder block;
        block.add(head, body);
        r.store.plant(block.key(), block.value());
        CHECK_THAT(words_of(checked(r)), Catch::Contains("event 8: waits for a later event"));
    }
}

TEST_CASE("more findings are counted than kept") {
    rig r;
    r.connect();
    r.ingest(make_message(std::vector<event_draft>(150, {{}, "a"})));
    for (sequence n = 1; n <= 150; ++n)
        r.store.plant(format::event_key(n), "damage");
    auto all = checked(r);
    CHECK(all.findings_total > 150);
    CHECK(all.findings.size() == 100);
}

TEST_CASE("a journal that is written to meanwhile gives no false findings") {
    rig r;
    r.connect();
    for (int round = 0; round < 2; ++round)
        r.ingest(make_message(std::vector<event_draft>(40'000, {{}, "a"})));
    r.commit({deliver({advance_low_water{lane::inventory, 80'000}})});
    r.percent = 99;
    bool moved = false;
    auto out = verify(r.store, [&](std::uint64_t) {
        // Retention takes events that the walk has not come to, and new ones are added.
        if (std::exchange(moved, true)) return;
        for (int i = 0; i < 150; ++i)
            r.commit({});
        r.ingest_one({{"new"}, "a"});
    });
    REQUIRE(out.ok());
    INFO(words_of(*out));
    CHECK(moved);
    CHECK(out->moved);
    CHECK(out->findings_total == 0);
}
