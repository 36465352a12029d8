// An overlay on trial: confirmed in its run, or over with it, wherever the run is cut.
#include "gateway/base/limits.hpp"
#include "gateway/manage/configuration.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace wharf;
using namespace wharf::manage;
using namespace wharf::v1;
using Catch::Matchers::Contains;

namespace {

constexpr std::int64_t k_s = 1'000'000;

// A gateway's disk, and its runs.
struct gateway {
    gateway() { begin(); }

    void begin() {
        ++runs;
        in_run = plan_run(disk, ended);
        if (in_run.changed) disk = in_run.record;
        machine.emplace(in_run, std::string(), at);
        done.clear();
        used.reset();
        waiting.reset();
    }
    // A power cut, kill, crash or end.
    void cut(std::string how = {}) {
        ended = std::move(how);
        begin();
    }

    // Until a record waits to be kept, or nothing moves.
    void pump() {
        for (auto& action : machine->take_actions()) {
            if (auto* one = std::get_if<configure::keep>(&action)) waiting = *one;
            if (auto* one = std::get_if<configure::done>(&action)) done[one->of] = *one;
            if (auto* one = std::get_if<configure::use>(&action)) used = *one;
        }
    }
    void write(bool record_too = true) {
        REQUIRE(waiting);
        if (waiting->version != 0) texts[waiting->version] = waiting->text;
        for (const auto gone : waiting->drop)
            texts.erase(gone);
        if (record_too) disk = waiting->record;
    }
    void settle(const std::string& failure = {}) {
        pump();
        while (waiting) {
            if (failure.empty()) write();
            waiting.reset();
            machine->on_kept(failure, at);
            pump();
        }
    }
    // A new run where one is asked for.
    void go_on() {
        settle();
        if (used && !used->live) begin();
    }

    configuration_order by(const std::string& id, bool again = false) {
        return {++tickets, id, "ann", "ticket 77", again, false};
    }
    overlay_proposal proposal(const std::string& text, bool live = false) {
        return {text, 120, std::nullopt, live, {}};
    }
    const configure::done& last() {
        REQUIRE(done.contains(tickets));
        return done[tickets];
    }
    void apply(const std::string& id, const std::string& text, bool live = false) {
        machine->apply(by(id), proposal(text, live), at);
    }
    void hold(const std::string& id, const std::string& text) {
        apply(id, text);
        go_on();
        machine->confirm(by(id + "-yes"), machine->in_effect(), at);
        settle();
        REQUIRE(last().code == COMMAND_CODE_OK);
    }

    configuration_record disk;
    std::map<std::uint64_t, std::string> texts;
    configuration_time at{k_s, 1000 * k_s};
    configuration_run in_run;
    std::optional<configuration_machine> machine;
    std::map<ticket, configure::done> done;
    std::optional<configure::use> used;
    std::optional<configure::keep> waiting;
    std::string ended;
    ticket tickets = 0;
    int runs = 0;
};

} // namespace

TEST_CASE("an overlay is on trial in a run of its own and holds once it is confirmed there") {
    gateway it;
    it.apply("a", "x = 1");
    CHECK(it.done.empty()); // nothing is said before it is durable
    it.settle();
    CHECK(it.last().code == COMMAND_CODE_OK);
    REQUIRE(it.used);
    CHECK(it.used->version == 1);
    CHECK_FALSE(it.used->live);
    CHECK(it.machine->in_effect() == 0);
    CHECK(it.machine->leaving());
    // Until then nothing else.
    it.machine->confirm(it.by("early"), 1, it.at);
    it.settle();
    CHECK(it.last().code == COMMAND_CODE_BUSY);
    it.begin();
    CHECK(it.in_run.on_trial);
    CHECK(it.machine->in_effect() == 1);
    CHECK(it.machine->confirm_by_us() == it.at.now_us + 120 * k_s);
    CHECK(it.machine->digest() == std::string(view_of(sha256("x = 1"))));
    it.machine->confirm(it.by("b"), 1, it.at);
    it.settle();
    CHECK(it.last().code == COMMAND_CODE_OK);
    CHECK(it.machine->confirm_by_us() == 0);
    it.cut();
    CHECK(it.machine->in_effect() == 1);
    CHECK_FALSE(it.in_run.on_trial);
    CHECK(it.machine->problem().empty());
    CHECK(it.texts.at(1) == "x = 1");
}

TEST_CASE("what is not confirmed in time is over, by running time") {
    gateway it;
    it.hold("a", "x = 1");
    const bool live = GENERATE(false, true);
    it.apply("b", "x = 2", live);
    it.go_on();
    CHECK(it.machine->in_effect() == 2);
    it.at.wall_us += 3600 * k_s; // a wall clock may jump
    it.at.now_us += 119 * k_s;
    it.machine->tick(it.at);
    it.settle();
    CHECK(it.machine->in_effect() == 2);
    it.used.reset();
    it.at.now_us += k_s;
    const bool kept = GENERATE(true, false);
    it.machine->tick(it.at);
    it.settle(kept ? "" : "the disk is full");
    REQUIRE(it.used);
    CHECK(it.used->live == live);
    CHECK(it.used->version == 1);
    if (!live) it.begin();
    CHECK(it.machine->in_effect() == 1);
    CHECK_THAT(it.machine->problem(),
               Contains(kept || live ? "version 2" : "was on trial when the gateway ended"));
    it.cut();
    CHECK(it.machine->in_effect() == 1);
    CHECK_FALSE(it.machine->problem().empty());
    // Late is late.
    it.machine->confirm(it.by("c"), 2, it.at);
    it.settle();
    CHECK(it.last().code == COMMAND_CODE_FAILED);
}

namespace {
enum class step : std::uint8_t { apply, confirm, revert, expire };
enum class kill_at : std::uint8_t {
    before_it_ran,
    text_written,   // and the record not
    record_written, // and the machine not told
    told,           // and the outcome not in the journal
};
} // namespace

TEST_CASE("wherever the process ends, the configuration is one or the other, and told once") {
    const auto what = GENERATE(step::apply, step::confirm, step::revert, step::expire);
    const auto where = GENERATE(kill_at::before_it_ran, kill_at::text_written,
                                kill_at::record_written, kill_at::told);
    const bool live = GENERATE(false, true);
    CAPTURE(static_cast<int>(what), static_cast<int>(where), live);
    gateway it;
    it.hold("a", "x = 1");
    if (what != step::apply) {
        it.apply("b", "x = 2", live);
        it.go_on();
        REQUIRE(it.machine->in_effect() == 2);
    }
    const auto order = [&](bool again) {
        if (what == step::apply)
            it.machine->apply(it.by("c", again), it.proposal("x = 2", live), it.at);
        if (what == step::confirm) it.machine->confirm(it.by("c", again), 2, it.at);
        if (what == step::revert) CHECK_FALSE(it.machine->revert(it.by("c", again), 2));
        if (what == step::expire && !again) {
            it.at.now_us += 120 * k_s;
            it.machine->tick(it.at);
        }
    };
    if (where != kill_at::before_it_ran) {
        order(false);
        it.pump();
        if (where != kill_at::told) it.write(where == kill_at::record_written);
        if (where == kill_at::told) it.settle();
    }
    it.cut();
    const bool written = where == kill_at::record_written || where == kill_at::told;
    // A trial that has not begun begins; one that has is over.
    const bool begins = what == step::apply && written && !live;
    const bool holds = what == step::confirm && written;
    CHECK(it.machine->in_effect() == (begins || holds ? 2 : 1));
    CHECK(it.in_run.on_trial == begins);
    CHECK(it.texts.at(1) == "x = 1");
    if (begins || holds) CHECK(it.texts.at(2) == "x = 2");
    if (what == step::expire) return;

    // The outcome is not in the journal: it runs again, and is told.
    order(true);
    it.settle();
    REQUIRE(it.done.size() == 1);
    const auto code = it.last().code;
    if (what == step::apply && written) {
        CHECK((code == COMMAND_CODE_OK) == begins);
        CHECK(it.disk.last_version() == 2); // not made twice
        CHECK_FALSE(it.used);
    }
    if (what == step::apply && !written) {
        CHECK(code == COMMAND_CODE_OK);
        CHECK(it.disk.last_version() == 2);
    }
    if (what == step::confirm) CHECK(code == (written ? COMMAND_CODE_OK : COMMAND_CODE_FAILED));
    if (what == step::revert) {
        CHECK(code == COMMAND_CODE_OK);
        CHECK(it.machine->in_effect() == 1);
        CHECK(it.disk.last_version() == 2);
    }
    // And a trial has no second run.
    it.go_on();
    it.cut();
    CHECK(it.machine->in_effect() == (holds ? 2 : 1));
    CHECK_FALSE(it.in_run.on_trial);
}

TEST_CASE("a confirmation that was ordered in a run before, or from here, confirms nothing") {
    gateway it;
    it.apply("a", "x = 1");
    it.go_on();
    it.machine->confirm(it.by("b", true), 1, it.at);
    it.settle();
    CHECK(it.last().code == COMMAND_CODE_FAILED);
    auto local = it.by("c");
    local.local = true;
    it.machine->confirm(local, 1, it.at);
    it.settle();
    CHECK(it.last().code == COMMAND_CODE_FAILED);
    CHECK(it.machine->confirm_by_us() != 0);
    it.cut("with exit code 71");
    CHECK(it.machine->in_effect() == 0);
    CHECK_THAT(it.machine->problem(), Contains("exit code 71"));
}

TEST_CASE("an order that does not fit is refused with words, and nothing changes") {
    gateway it;
    it.hold("a", "x = 1");
    const auto before = bytes_of(it.disk);
    auto what = it.proposal("x = 2");
    SECTION("over another version") {
        what.over_version = 0;
        it.machine->apply(it.by("b"), what, it.at);
        it.settle();
        CHECK(it.last().code == COMMAND_CODE_FAILED);
        CHECK_THAT(it.last().message, Contains("conflict"));
    }
    SECTION("not valid") {
        what.invalid = "gateway.name: is the gateway's own";
        it.machine->apply(it.by("b"), what, it.at);
        it.settle();
        CHECK(it.last().code == COMMAND_CODE_INVALID);
        CHECK(it.last().message == what.invalid);
    }
    SECTION("too short, too long") {
        what.confirm_within_s =
            GENERATE(0u, limits::k_confirm_s_min - 1, limits::k_confirm_s_max + 1);
        it.machine->apply(it.by("b"), what, it.at);
        it.settle();
        CHECK(it.last().code == COMMAND_CODE_INVALID);
    }
    SECTION("to one that never was") {
        CHECK_FALSE(it.machine->revert(it.by("b"), 9));
        it.settle();
        CHECK(it.last().code == COMMAND_CODE_NOT_FOUND);
    }
    SECTION("the disk refuses") {
        it.machine->apply(it.by("b"), what, it.at);
        it.settle("no space");
        CHECK(it.last().code == COMMAND_CODE_FAILED);
        CHECK_FALSE(it.used);
    }
    CHECK(it.machine->in_effect() == 1);
    CHECK(bytes_of(it.disk) == before);
}

TEST_CASE("while one is on trial there is no other") {
    gateway it;
    it.apply("a", "x = 1", true);
    it.settle();
    it.apply("b", "x = 2");
    it.settle();
    CHECK(it.last().code == COMMAND_CODE_BUSY);
    CHECK_THAT(it.last().message, Contains("on trial"));
    it.machine->confirm(it.by("c"), 1, it.at);
    it.pump();
    it.machine->confirm(it.by("d"), 1, it.at); // while the first is being written
    it.pump();
    CHECK(it.last().code == COMMAND_CODE_BUSY);
    it.settle();
    CHECK(it.machine->confirm_by_us() == 0);
}

TEST_CASE("an earlier version that held is applied anew, one that never did is not") {
    gateway it;
    it.hold("a", "x = 1");
    it.apply("b", "x = 2");
    it.go_on();
    CHECK_FALSE(it.machine->revert(it.by("c"), 2));
    it.go_on();
    CHECK(it.machine->in_effect() == 1);
    CHECK(it.machine->problem().empty()); // a person wanted it
    it.hold("d", "x = 3");
    CHECK_FALSE(it.machine->revert(it.by("e"), 2));
    it.settle();
    CHECK(it.last().code == COMMAND_CODE_FAILED);
    CHECK(it.machine->revert(it.by("f"), 1));
    CHECK(it.machine->revert(it.by("g"), 0));
}

TEST_CASE("a person who looks takes the problem away") {
    gateway it;
    it.hold("a", "x = 1");
    it.apply("b", "x = 2");
    it.go_on();
    it.cut();
    CHECK_FALSE(it.machine->problem().empty());
    CHECK_FALSE(it.machine->revert(it.by("c"), 1));
    it.settle();
    CHECK(it.last().code == COMMAND_CODE_OK);
    CHECK(it.machine->problem().empty());
    CHECK(it.machine->in_effect() == 1);
}

TEST_CASE("the last versions are kept, and the one that holds among them") {
    gateway it;
    it.hold("first", "x = 1");
    for (int i = 0; i < 40; ++i) {
        it.apply("id-" + std::to_string(i), "x = " + std::to_string(i), true);
        it.settle();
        CHECK_FALSE(it.machine->revert(it.by("r-" + std::to_string(i)), it.machine->in_effect()));
        it.settle();
    }
    CHECK(it.texts.size() == limits::k_overlays_kept_max);
    CHECK(static_cast<std::size_t>(it.disk.kept_size()) == limits::k_overlays_kept_max);
    CHECK(it.texts.contains(1));
    CHECK(it.texts.contains(41));
    CHECK(it.machine->in_effect() == 1);
}

TEST_CASE("cleared from here the gateway's own file holds, whatever was") {
    gateway it;
    it.hold("a", "x = 1");
    if (GENERATE(false, true)) it.apply("b", "x = 2", true);
    it.settle();
    auto user = it.by("c");
    it.machine->clear(user);
    it.settle();
    CHECK(it.last().code == COMMAND_CODE_INVALID);
    CHECK(it.machine->in_effect() != 0);
    user.local = true;
    it.machine->clear(user);
    it.settle();
    CHECK(it.last().code == COMMAND_CODE_OK);
    it.begin();
    CHECK(it.machine->in_effect() == 0);
    CHECK(it.machine->digest().empty());
}
