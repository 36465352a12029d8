// Drained, and ended for good: in one transaction, under its conditions.
#include "gateway/journal/export.hpp"
#include "gateway/journal/manage_state.hpp"
#include "tests/unit/journal/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;
using Catch::Matchers::Contains;

namespace {

manage_request drained(bool on = true) {
    manage_request out;
    wharf::v1::Drain drain;
    drain.set_by("ann");
    out.ops.emplace_back(set_drain{on ? std::optional(drain) : std::nullopt});
    return out;
}

end_request ends(bool only_drained = true) {
    end_request out;
    out.token = 7;
    out.only_drained = only_drained;
    out.content.set_by("ann");
    out.with = [](const gateway_ended&) { return manage_ops{append_audit{"ended"}}; };
    return out;
}

gateway_ended answer_of(const std::vector<journal_answer>& answers) {
    for (const auto& one : answers)
        if (const auto* found = std::get_if<gateway_ended>(&one)) return *found;
    FAIL("no answer");
    return {};
}

export_facts exported(rig& r) {
    auto written = export_journal(r.store, "test", 77, [](std::string_view) { return ok(); });
    REQUIRE(written.ok());
    return {written->header, written->trailer};
}

bool has_roster(rig& r) {
    const auto found = read_manage_state(r.store);
    REQUIRE(found.ok());
    return found->roster.has_value();
}

} // namespace

TEST_CASE("that it is drained stays over a power cut until it is ended") {
    rig r;
    r.open();
    r.commit({drained()});
    r.power_cut();
    CHECK(r.state().drain().by() == "ann");
    // What is on its way to its acknowledgement is still taken.
    r.connect();
    CHECK(r.ingest_one({{"a"}, "x"}).accepted == 1);
    r.commit({drained(false)});
    r.power_cut();
    CHECK_FALSE(r.state().has_drain());
}

TEST_CASE(
    "a gateway ends drained and empty alone, its operators with it, wherever the power goes") {
    const bool cut_before = GENERATE(true, false);
    rig r;
    r.connect();
    manage_request roster;
    roster.ops.emplace_back(put_roster{wharf::v1::OperatorRoster().SerializeAsString()});
    r.commit({roster});
    CHECK_THAT(answer_of(r.commit({ends()})).refused, Contains("still takes events"));
    r.commit({drained()});
    if (cut_before) {
        r.roll_back({ends()});
        r.power_cut();
        CHECK_FALSE(r.under_test().ended());
        CHECK(has_roster(r));
        CHECK(r.state().audit_number() == 0);
    }
    CHECK(answer_of(r.commit({ends()})).refused.empty());
    r.power_cut();
    CHECK(r.under_test().ended());
    CHECK_FALSE(has_roster(r));
    CHECK(r.state().audit_number() == 1);
    // Once.
    CHECK_THAT(answer_of(r.commit({ends()})).refused, Contains("already"));
    CHECK(r.state().audit_number() == 1);
}

TEST_CASE("what is left is against its end: pending, dead, in quarantine") {
    rig r;
    r.connect();
    r.commit({drained()});
    const std::string what = GENERATE("pending", "dead", "in quarantine");
    CAPTURE(what);
    if (what == "in quarantine")
        r.ingest(make_unreadable("#"));
    else
        r.ingest_one({{"a"}, "x"});
    if (what == "dead")
        r.commit({deliver({park_update{1, parked(wharf::v1::PARKED_STATE_DEAD, {5})}})});
    const auto said = answer_of(r.commit({ends()}));
    CHECK_THAT(said.refused, Contains("pending") && Contains("dead") && Contains("quarantine"));
    CHECK_FALSE(r.under_test().ended());
    SECTION("it may be lost, and is counted") {
        auto lost = ends(false);
        lost.may_lose = true;
        const auto end = answer_of(r.commit({lost})).end;
        CHECK(end.pending() + end.dead() + end.quarantined() == 1);
    }
    SECTION("or it is in an export of all that is here") {
        auto with = ends();
        with.exported = exported(r);
        const auto answer = answer_of(r.commit({with}));
        CHECK(answer.refused.empty());
        CHECK(answer.end.export_sha256() == with.exported->trailer.sha256());
    }
}

TEST_CASE("an export of another journal, or of before something came, proves nothing") {
    rig r;
    r.connect();
    r.ingest_one({{"a"}, "x"});
    r.commit({drained()});
    auto with = ends();
    with.exported = exported(r);
    SECTION("another takeover") {
        with.exported->header.set_takeover(3);
        CHECK_THAT(answer_of(r.commit({with})).refused, Contains("not of this journal"));
    }
    SECTION("another epoch") {
        with.exported->header.set_epoch(with.exported->header.epoch() + 1);
        CHECK_THAT(answer_of(r.commit({with})).refused, Contains("not of this journal"));
    }
    SECTION("another gateway") {
        with.exported->header.set_gateway("dock-9");
        CHECK_THAT(answer_of(r.commit({with})).refused, Contains("not of this journal"));
    }
    SECTION("an event that came since") {
        r.ingest_one({{"b"}, "x"});
        CHECK_THAT(answer_of(r.commit({with})).refused, Contains("export it again"));
    }
    SECTION("a message in quarantine since") {
        r.ingest(make_unreadable("#"));
        CHECK_THAT(answer_of(r.commit({with})).refused, Contains("export it again"));
    }
    CHECK_FALSE(r.under_test().ended());
}

TEST_CASE("nothing is taken or sent any more, not even by what shares the group") {
    rig r;
    r.connect();
    r.ingest_one({{"a"}, "x"});
    auto end = ends(false);
    end.may_lose = true;
    ingest_request late;
    late.token = 9;
    late.message = make_message({{{"b"}, "x"}});
    late.message.generation = r.generation;
    seal_batch seal{1, {}};
    seal.content.add_items()->set_sequence(1);
    quarantine_release_request release;
    release.number = 1;
    const auto answers = r.commit({end, late, deliver({seal}), release});
    for (const auto& one : answers) {
        CHECK_FALSE(std::holds_alternative<ingest_done>(one));
        CHECK_FALSE(std::holds_alternative<delivery_done>(one));
    }
    CHECK(r.state().intake().accepted() == 1);
    // What was on its way may find its end.
    r.commit({deliver({settle_update{1, settlement::applied}})});
    CHECK(r.books().applied() == 1);
    r.power_cut();
    CHECK(r.under_test().ended());
}
