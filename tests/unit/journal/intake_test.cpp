// How messages are judged and counted.
#include "gateway/journal/format.hpp"
#include "gateway/journal/inspect.hpp"
#include "tests/unit/journal/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

namespace {

std::vector<quarantine_entry> quarantine_of(rig& r) {
    auto list = list_quarantine(r.store, 0, 100);
    REQUIRE(list.ok());
    return *list;
}

} // namespace

TEST_CASE("an accepted event is stored, counted and pending for every destination") {
    rig r({"erp", "legacy"});
    r.connect();
    auto verdict = r.ingest_one({{"k1"}, "a"});
    CHECK(verdict.accepted == 1);
    CHECK(r.state().intake().received() == 1);
    CHECK(r.books(0).pending() == 1);
    CHECK(r.books(1).pending() == 1);
    auto stored = r.view().event(1);
    REQUIRE(stored.ok());
    CHECK(stored->event.stream() == "a");
}

TEST_CASE("the same key with the same content is a duplicate, in one group and across groups") {
    rig r;
    r.connect();
    auto verdict = r.ingest(make_message({{{"k1"}, "a"}, {{"k1"}, "a"}}));
    CHECK(verdict.accepted == 1);
    CHECK(verdict.duplicate == 1);
    CHECK(r.ingest_one({{"k1"}, "a"}).duplicate == 1);
    r.restart();
    r.connect();
    CHECK(r.ingest_one({{"k1"}, "a"}).duplicate == 1);
    CHECK(r.state().last_sequence() == 1);
    CHECK(r.state().intake().duplicate() == 3);
}

TEST_CASE("the same key with other content goes to quarantine and names what it contradicts") {
    rig r;
    r.connect();
    r.ingest_one({{"k0"}, "first"});
    r.ingest_one({{"k1"}, "a"});
    CHECK(r.ingest_one({{"k1"}, "b"}).quarantined == 1);
    auto list = quarantine_of(r);
    REQUIRE(list.size() == 1);
    CHECK(list[0].message.reason() == "conflict");
    CHECK(list[0].message.contradicts() == 2);
    CHECK(list[0].message.payload() == "b");
    CHECK(r.state().last_sequence() == 2);
}

TEST_CASE("of two keys one that is known makes a duplicate, one that contradicts wins") {
    rig r;
    r.connect();
    r.ingest_one({{"native1", "business1"}, "a"});
    CHECK(r.ingest_one({{"native2", "business1"}, "a"}).duplicate == 1);
    CHECK(r.ingest_one({{"native1"}, "a"}).duplicate == 1);
    r.ingest_one({{"native3"}, "b"});
    CHECK(r.ingest_one({{"native3", "business1"}, "b"}).quarantined == 1);
}

TEST_CASE("events without identity are distinct and flagged") {
    rig r;
    r.connect();
    CHECK(r.ingest(make_message({{{}, "a"}, {{}, "a"}})).accepted == 2);
    auto head = r.view().head(1);
    REQUIRE(head.ok());
    CHECK((head->flags & k_flag_without_identity) != 0);
}

TEST_CASE("a keyless event again under DUP in a resumed session is ambiguous") {
    rig r;
    r.connect();
    CHECK(r.ingest_one({{}, "a"}).accepted == 1);
    r.connect();
    auto again = make_message({{{}, "a"}});
    again.dup = true;
    SECTION("in a resumed session") {
        again.resumed_session = true;
        CHECK(r.ingest(again).quarantined == 1);
        CHECK(quarantine_of(r).at(0).message.reason() == "ambiguous_redelivery");
        CHECK(r.state().last_sequence() == 1);
    }
    SECTION("and a duplicate where the device does not reuse packet ids") {
        again.resumed_session = true;
        again.packet_ids_not_reused = true;
        CHECK(r.ingest(again).duplicate == 1);
    }
    SECTION("also after a power cut") {
        r.power_cut();
        r.connect();
        again.resumed_session = true;
        again.packet_ids_not_reused = true;
        CHECK(r.ingest(again).duplicate == 1);
    }
    SECTION("but a new event in a session that was not resumed") {
        CHECK(r.ingest(again).accepted == 1);
    }
    SECTION("but a new event without DUP") {
        again.dup = false;
        again.resumed_session = true;
        CHECK(r.ingest(again).accepted == 1);
    }
    SECTION("but a new event under another packet id or with other content") {
        again.resumed_session = true;
        auto other = again;
        other.packet_id = 2;
        CHECK(r.ingest(other).accepted == 1);
        auto changed = make_message({{{}, "b"}});
        changed.dup = changed.resumed_session = true;
        CHECK(r.ingest(changed).accepted == 1);
    }
    SECTION("but a new event after a clean start") {
        r.connect("client", true);
        again.resumed_session = true;
        CHECK(r.ingest(again).accepted == 1);
    }
}

TEST_CASE("a packet id that carried something else since says nothing of what it carried before") {
    rig r;
    r.connect();
    r.ingest_one({{}, "a"});
    SECTION("an event with a key") {
        r.ingest_one({{"k1"}, "keyed"});
    }
    SECTION("something unreadable") {
        r.ingest(make_unreadable("#"));
    }
    auto again = make_message({{{}, "a"}});
    again.dup = again.resumed_session = again.packet_ids_not_reused = true;
    CHECK(r.ingest(again).accepted == 1);
}

TEST_CASE("a second trigger within the window is kept, flagged or dropped as the profile says") {
    rig r;
    r.connect();
    auto policy = GENERATE(double_trigger_policy::keep, double_trigger_policy::flag,
                           double_trigger_policy::drop);
    r.ingest_one({{"k1"}, "a", lane::inventory, {}, "gun/4711", policy});
    r.now_us += 500'000;
    auto verdict = r.ingest_one({{"k2"}, "a", lane::inventory, {}, "gun/4711", policy});
    if (policy == double_trigger_policy::drop) {
        CHECK(verdict.duplicate == 1);
        return;
    }
    CHECK(verdict.accepted == 1);
    bool flagged = (r.view().head(2)->flags & k_flag_double_trigger) != 0;
    CHECK(flagged == (policy == double_trigger_policy::flag));
}

TEST_CASE("a trigger after the window, or of another code, is a single one") {
    rig r;
    r.connect();
    auto drop = double_trigger_policy::drop;
    r.ingest_one({{"k1"}, "a", lane::inventory, {}, "gun/4711", drop});
    CHECK(r.ingest_one({{"k2"}, "a", lane::inventory, {}, "gun/4712", drop}).accepted == 1);
    r.now_us += 1'000'000;
    CHECK(r.ingest_one({{"k3"}, "a", lane::inventory, {}, "gun/4711", drop}).accepted == 1);
}

TEST_CASE("a group that was rolled back leaves no trigger behind") {
    rig r;
    r.connect();
    event_draft draft{{"k1"}, "a", lane::inventory, {}, "gun/4711", double_trigger_policy::drop};
    auto message = make_message({draft});
    message.generation = r.generation;
    r.roll_back({ingest_request{1, message}});
    CHECK(r.ingest_one(draft).accepted == 1);
}

TEST_CASE("a dropped double trigger that is delivered again later is still not taken") {
    rig r;
    r.connect();
    auto drop = double_trigger_policy::drop;
    r.ingest_one({{"k1"}, "a", lane::inventory, {}, "gun/4711", drop});
    event_draft second{{"k2"}, "b", lane::inventory, {}, "gun/4711", drop};
    CHECK(r.ingest_one(second).duplicate == 1);
    SECTION("after the window") {
        r.now_us += 10'000'000;
    }
    SECTION("after a restart") {
        r.power_cut();
        r.connect();
    }
    CHECK(r.ingest_one(second).duplicate == 1);
    CHECK(r.state().last_sequence() == 1);
}

TEST_CASE("what cannot be read is kept as it came, with who sent it and why it was refused") {
    rig r;
    r.connect();
    std::string payload("\x00\xff{", 3);
    CHECK(r.ingest(make_unreadable(payload)).quarantined == 1);
    auto list = quarantine_of(r);
    REQUIRE(list.size() == 1);
    CHECK(list[0].number == 1);
    CHECK(list[0].message.payload() == payload);
    CHECK(list[0].message.reason() == "unreadable");
    CHECK(list[0].message.client_id() == "client");
    CHECK(list[0].message.device() == "scanner-1");
    CHECK(list[0].message.received_at_us() == 1'700'000'000'000'000);
    CHECK_FALSE(list[0].message.has_index());
    CHECK(read_quarantine(r.store, 1).ok());
    CHECK(read_quarantine(r.store, 0).failure().code == errc::not_found);
    CHECK(read_quarantine(r.store, 2).failure().code == errc::not_found);
}

TEST_CASE("a commit whose outcome is unknown answers nothing and ends the writing") {
    rig r;
    r.connect();
    r.store.fail_commit(true, false);
    auto message = make_message({{{"k1"}, "a"}});
    message.generation = r.generation;
    CHECK(r.try_commit({ingest_request{1, message}}).outcome == commit_outcome::unknown);
    CHECK(r.under_test().take_answers().empty());
    CHECK(r.under_test().take_appended().empty());
    CHECK_FALSE(r.under_test().begin(r.now_us).ok());
}

TEST_CASE("what was readable after a failed meta write is durable before anything is answered") {
    rig r;
    r.connect();
    r.store.fail_commit(true, false);
    auto message = make_message({{{"k1"}, "a"}});
    message.generation = r.generation;
    CHECK(r.try_commit({ingest_request{1, message}}).outcome == commit_outcome::unknown);
    r.restart(); // the process starts again and sees the event
    r.connect();
    auto verdict = r.ingest_one({{"k1"}, "a"});
    r.power_cut();
    // Acknowledged as a duplicate: so its original has to be there, whatever the power does.
    CHECK(verdict.duplicate == 1);
    CHECK(r.has_event(1));
}

TEST_CASE("a refused commit changes nothing and the same group can be tried again") {
    rig r;
    r.connect();
    r.store.refuse_commits(1);
    auto message = make_message({{{"k1"}, "a", lane::inventory, {5}}, {{"k1"}, "b"}});
    message.generation = r.generation;
    auto before = r.store.read_all();
    CHECK(r.try_commit({ingest_request{1, message}}).outcome == commit_outcome::no_space);
    CHECK(r.store.read_all() == before);
    CHECK(r.state().last_sequence() == 0);
    auto verdict = r.ingest(message);
    CHECK(verdict.accepted == 1);
    CHECK(verdict.quarantined == 1);
    CHECK(r.view().head(1)->links.at(0).previous == k_no_sequence);
}

TEST_CASE("wherever in a group a write is refused, nothing of it is left") {
    for (std::size_t puts = 0; puts < 12; ++puts) {
        rig r;
        r.connect();
        r.store.refuse_put_after(puts);
        auto message = make_message({{{"k1", "k2"}, "a", lane::inventory, {5}}, {{"k1"}, "b"}});
        message.generation = r.generation;
        auto before = r.store.read_all();
        auto result = r.try_commit({ingest_request{1, message}});
        if (result.outcome == commit_outcome::durable) {
            CHECK(puts >= 4);
            return;
        }
        CHECK(result.outcome == commit_outcome::no_space);
        CHECK(r.store.read_all() == before);
        CHECK(r.ingest(message).accepted == 1);
    }
    FAIL("the group never came through");
}

TEST_CASE("what a person discards leaves quarantine and stays in the books") {
    rig r;
    r.connect();
    r.ingest_one({{"k1"}, "a"});
    r.ingest_one({{"k1"}, "b"});
    r.ingest_one({{"k1"}, "c"});
    auto discard = [&](std::uint64_t number) {
        auto answers = r.commit({quarantine_discard_request{7, number}});
        REQUIRE(answers.size() == 1);
        CHECK(std::get<quarantine_discarded>(answers[0]).token == 7);
        return std::get<quarantine_discarded>(answers[0]).found;
    };
    CHECK(discard(1));
    CHECK_FALSE(discard(1));
    CHECK_FALSE(discard(99));
    r.restart();
    auto left = quarantine_of(r);
    REQUIRE(left.size() == 1);
    CHECK(left[0].number == 2);
    CHECK(r.state().intake().quarantined() == 2);
    CHECK(r.state().quarantine_discarded() == 1);
    auto checked = verify(r.store);
    REQUIRE(checked.ok());
    CHECK(checked->findings_total == 0);
}

TEST_CASE("a message with many bad events is kept once, with the first of its findings") {
    rig r;
    r.connect();
    auto message = make_message({});
    for (std::uint32_t i = 0; i < 40; ++i)
        message.items.push_back(
            {i, prepared_quarantine{"invalid", "field " + std::to_string(i), 1}});
    message.payload = std::string(100'000, 'x');
    CHECK(r.ingest(message).quarantined == 40);
    auto list = quarantine_of(r);
    REQUIRE(list.size() == 1);
    CHECK(list[0].message.events() == 40);
    CHECK(list[0].message.index() == 0);
    CHECK(list[0].message.more_size() == 15);
    CHECK(list[0].message.more(0).detail() == "field 1");
    CHECK(r.state().intake().quarantined() == 40);
    auto checked = verify(r.store);
    REQUIRE(checked.ok());
    CHECK(checked->findings_total == 0);
}
