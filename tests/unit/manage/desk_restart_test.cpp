// The process ends in every state of a command that changes something.
#include "tests/unit/manage/office.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

namespace {

enum class cut : std::uint8_t {
    before_it_is_journaled,
    journaled_and_not_told,
    running,
    outcome_not_journaled,
    outcome_journaled_and_not_told,
    reported_and_not_delivered,
    delivered_and_not_journaled,
};

constexpr cut k_cuts[] = {cut::before_it_is_journaled,
                          cut::journaled_and_not_told,
                          cut::running,
                          cut::outcome_not_journaled,
                          cut::outcome_journaled_and_not_told,
                          cut::reported_and_not_delivered,
                          cut::delivered_and_not_journaled};

void go_to(office& it, cut where) {
    if (where == cut::before_it_is_journaled) return;
    if (where == cut::journaled_and_not_told) {
        it.journal.commit(std::exchange(it.submitted, {}));
        return;
    }
    it.commit();
    REQUIRE(it.runs.size() == 1);
    if (where == cut::running) return;
    it.desk->finish(it.runs[0].of, {COMMAND_CODE_OK, "done", ""}, it.at);
    it.pump();
    if (where == cut::outcome_not_journaled) return;
    if (where == cut::outcome_journaled_and_not_told) {
        it.journal.commit(std::exchange(it.submitted, {}));
        return;
    }
    it.commit();
    if (where == cut::reported_and_not_delivered) return;
    it.desk->on_delivered(it.outbound.rbegin()->first);
    it.pump();
}

} // namespace

TEST_CASE("wherever the power is cut, a command is done or not at all, and its report is one") {
    const cut where = GENERATE(from_range(std::begin(k_cuts), std::end(k_cuts)));
    CAPTURE(static_cast<int>(where));
    office it;
    it.settle();
    const Command pause = it.pause();
    it.send(pause);
    go_to(it, where);
    it.restart();
    it.reports.clear();
    it.outbound.clear();

    if (where == cut::before_it_is_journaled) {
        // Nothing of it is left; whoever ordered it has heard nothing and orders again.
        CHECK(it.runs.empty());
        CHECK(it.trail().empty());
        Command anew = pause;
        anew.set_nonce(it.desk->nonce(it.at));
        it.send(anew);
        it.commit();
        REQUIRE(it.runs.size() == 1);
        CHECK_FALSE(it.runs[0].again);
    }
    if (!it.runs.empty()) {
        CHECK(it.runs[0].again == (where != cut::before_it_is_journaled));
        it.desk->finish(it.runs[0].of, {COMMAND_CODE_OK, "done", ""}, it.at);
        it.settle();
    }
    // Asked again, the answer is the same, and nothing runs.
    it.runs.clear();
    it.desk->on_link_up();
    Command anew = pause;
    anew.set_nonce(it.desk->nonce(it.at));
    it.send(anew);
    it.settle();
    CHECK(it.runs.empty());
    std::size_t done = 0;
    for (const CommandReport& report : it.reports) {
        if (report.step() != COMMAND_STEP_DONE) continue;
        ++done;
        CHECK(report.message() == "done");
        CHECK(report.code() == COMMAND_CODE_OK);
    }
    CHECK(done >= 1);
    CHECK(it.outbound.size() == 1); // one report waits for the broker, however often it is sent
    std::size_t ends = 0;
    for (const AuditEntry& entry : it.trail())
        if (entry.step() == COMMAND_STEP_DONE) ++ends;
    CHECK(ends == 1);
}

TEST_CASE("operators change together with the outcome of the command that says so") {
    office it;
    it.settle();
    Command add = it.make([](Command& c) {
        *c.mutable_operators_change()->add_add() = make_operator("dan", OPERATOR_ROLE_ADMIN);
        c.mutable_operators_change()->add_remove(
            std::string(view_of(key_named("bob").half().fingerprint())));
    });
    it.send(add);
    it.commit();
    REQUIRE(it.runs.size() == 1);
    auto next = it.desk->operators().changed(it.runs[0].command->operators_change());
    REQUIRE(next.ok());
    it.desk->change_operators(it.runs[0].of, *next, {}, it.at);
    it.pump();
    const auto has = [&](const std::string& name) {
        return it.desk->operators().find(view_of(key_named(name).half().fingerprint())) != nullptr;
    };
    CHECK_FALSE(has("dan"));
    SECTION("cut before the commit") {
        it.restart();
        CHECK_FALSE(has("dan"));
        CHECK(has("bob"));
        REQUIRE(it.runs.size() == 1);
        CHECK(it.runs[0].again);
    }
    SECTION("committed") {
        it.commit();
        CHECK(it.operators_changed);
        CHECK(has("dan"));
        CHECK_FALSE(has("bob"));
        it.restart();
        CHECK(has("dan"));
        CHECK_FALSE(has("bob"));
        CHECK(it.runs.empty());
        it.send(it.pause(), {"bob"});
        CHECK(it.desk->counts().refused == 1);
        it.send(it.pause(), {"dan"});
        it.commit();
        CHECK(it.runs.size() == 1);
    }
}

TEST_CASE("two changes of the operators at once: one is told to come again, and none is lost") {
    office it;
    it.settle();
    const auto add = [&](const std::string& name) {
        return it.make([&](Command& c) {
            *c.mutable_operators_change()->add_add() = make_operator(name, OPERATOR_ROLE_VIEWER);
        });
    };
    it.send(add("dan"));
    it.send(add("fay"));
    it.commit();
    REQUIRE(it.runs.size() == 2);
    if (GENERATE(false, true)) {
        it.restart();
        REQUIRE(it.runs.size() == 2);
    }
    for (const auto& run : std::vector(it.runs)) {
        auto next = it.desk->operators().changed(run.command->operators_change());
        REQUIRE(next.ok());
        it.desk->change_operators(run.of, *next, {}, it.at);
    }
    it.settle();
    it.desk->on_link_up();
    it.pump();
    std::size_t good = 0;
    std::size_t busy = 0;
    for (const auto& [number, bytes] : it.outbound) {
        CommandReport report;
        REQUIRE(report.ParseFromString(bytes));
        good += report.code() == COMMAND_CODE_OK ? 1 : 0;
        busy += report.code() == COMMAND_CODE_BUSY ? 1 : 0;
    }
    CHECK(good == 1);
    CHECK(busy == 1);
    CHECK(it.desk->operators().content().operators_size() == 4);
}

TEST_CASE("what the first operators are is taken once: the journal's hold against a file") {
    office it;
    it.settle();
    it.restart(make_roster({make_operator("stranger", OPERATOR_ROLE_ADMIN)}));
    CHECK(it.desk->operators().find(view_of(key_named("ann").half().fingerprint())) != nullptr);
    CHECK(it.desk->operators().find(view_of(key_named("stranger").half().fingerprint())) ==
          nullptr);
}

TEST_CASE("what a run noted of a command is there in the next one, and its report is one") {
    // Noted, noted and not told, not noted.
    const int cut = GENERATE(0, 1, 2);
    office it;
    it.settle();
    it.send(it.make([](Command& c) { c.mutable_reboot(); }));
    it.commit();
    REQUIRE(it.runs.size() == 1);
    CHECK(it.runs[0].begun.empty());
    manage_request note;
    note.ops = it.desk->begun_with(it.runs[0].of, "boot-1");
    REQUIRE(note.ops.size() == 1);
    if (cut != 2) it.journal.commit({note});
    if (cut == 0) it.pump();
    it.restart();
    it.reports.clear();
    it.outbound.clear();
    REQUIRE(it.runs.size() == 1);
    CHECK(it.runs[0].again);
    CHECK(it.runs[0].begun == (cut == 2 ? "" : "boot-1"));
    it.desk->finish(it.runs[0].of, {COMMAND_CODE_OK, "started again", ""}, it.at);
    it.settle();
    it.desk->on_link_up();
    it.settle();
    CHECK(it.outbound.size() == 1);
    it.restart();
    CHECK(it.runs.empty());
}

TEST_CASE("who ends a gateway is told once, together with the end") {
    office it;
    it.settle();
    it.send(it.make([](Command& c) { c.mutable_decommission()->set_name("dock-1"); }));
    it.commit();
    REQUIRE(it.runs.size() == 1);
    const auto later = it.desk->ends_later(it.runs[0].of, it.at);
    REQUIRE(later.has_value());
    std::string report;
    end_request end;
    end.token = 99;
    end.with = [&](const gateway_ended&) {
        auto made = later->with({COMMAND_CODE_OK, "ended", ""});
        report = std::move(made.report);
        return std::move(made.ops);
    };
    const bool durable = GENERATE(true, false);
    if (durable)
        it.journal.commit({end});
    else
        it.journal.roll_back({end});
    it.restart();
    it.reports.clear();
    it.outbound.clear();
    CHECK(it.journal.under_test().ended() == durable);
    CHECK(it.runs.size() == (durable ? 0 : 1));
    it.desk->on_link_up();
    it.settle();
    CHECK(it.outbound.size() == (durable ? 1 : 0));
    if (durable) CHECK(it.desk->operators().content().operators_size() == 0);
}
