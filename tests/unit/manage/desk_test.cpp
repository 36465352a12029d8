#include "tests/unit/manage/office.hpp"

#include "gateway/base/limits.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

TEST_CASE("a command that looks is run at once, answered and in the audit trail") {
    office it;
    it.settle();
    it.send(it.books(), {"eve"});
    REQUIRE(it.runs.size() == 1);
    CHECK_FALSE(it.runs[0].again);
    it.desk->finish(it.runs[0].of, {COMMAND_CODE_OK, "", "{\"x\":1}"}, it.at);
    it.settle();
    CHECK(it.last().code() == COMMAND_CODE_OK);
    CHECK(it.last().step() == COMMAND_STEP_DONE);
    CHECK(it.last().json() == "{\"x\":1}");
    CHECK(it.last().id() == it.runs[0].command->id());
    REQUIRE(it.trail().size() == 1);
    CHECK(it.trail()[0].kind() == "books");
    CHECK(it.trail()[0].operators(0) == "eve");
}

TEST_CASE("a command that changes something is durable before it runs and its outcome before it is "
          "reported") {
    office it;
    it.settle();
    it.send(it.pause(), {"bob"});
    CHECK(it.runs.empty());
    CHECK(it.reports.empty());
    it.commit();
    REQUIRE(it.runs.size() == 1);
    CHECK(it.last().step() == COMMAND_STEP_RECEIVED);
    it.desk->finish(it.runs[0].of, {}, it.at);
    it.pump();
    CHECK(it.last().step() == COMMAND_STEP_RECEIVED);
    it.commit();
    CHECK(it.last().step() == COMMAND_STEP_DONE);
    REQUIRE(it.outbound.size() == 1);
    CHECK(it.trail().size() == 2);
    it.desk->on_delivered(it.outbound.begin()->first);
    it.settle();
    CHECK(it.desk->counts().outbound == 0);
    it.restart();
    CHECK(it.desk->counts().outbound == 0);
}

TEST_CASE("an outcome rides with its effect: both or nothing") {
    office it;
    it.settle();
    it.send(it.pause());
    it.commit();
    REQUIRE(it.runs.size() == 1);
    manage_ops ops = it.desk->done_with(it.runs[0].of, {}, it.at);
    ops.emplace_back(pause_destination{0, true});
    it.submitted.emplace_back(deliver({}));
    std::get<delivery_request>(it.submitted.back()).with = std::move(ops);
    SECTION("cut before the commit: it runs again") {
        it.restart();
        REQUIRE(it.runs.size() == 1);
        CHECK(it.runs[0].again);
        CHECK_FALSE(it.journal.books().paused());
    }
    SECTION("cut after the commit: it is over") {
        it.journal.commit(std::exchange(it.submitted, {}));
        it.restart();
        CHECK(it.runs.empty());
        CHECK(it.journal.books().paused());
        it.desk->on_link_up();
        it.pump();
        CHECK(it.last().step() == COMMAND_STEP_DONE);
    }
    SECTION("told so") {
        it.journal.commit(std::exchange(it.submitted, {}));
        it.desk->on_rode(it.runs[0].of, it.at);
        it.pump();
        CHECK(it.last().step() == COMMAND_STEP_DONE);
        CHECK(it.desk->counts().open == 0);
    }
}

TEST_CASE("the same command again is not done again: its report is given again") {
    office it;
    it.settle();
    const Command pause = it.pause();
    it.send(pause);
    it.send(pause); // while it is being journaled
    CHECK(it.last().step() == COMMAND_STEP_RUNNING);
    it.commit();
    REQUIRE(it.runs.size() == 1);
    it.desk->finish(it.runs[0].of, {COMMAND_CODE_FAILED, "why", ""}, it.at);
    it.settle();
    const std::size_t entries = it.trail().size();
    it.reports.clear();
    it.send(pause);
    CHECK(it.last().message() == "why");
    SECTION("also when it was signed anew for another run") {
        it.restart();
        it.reports.clear();
        Command anew = pause;
        anew.set_nonce(it.desk->nonce(it.at));
        it.send(anew);
        CHECK(it.last().message() == "why");
        it.reports.clear();
        it.send(pause); // the old one too: it is known, so no harm is done
        CHECK(it.last().message() == "why");
    }
    SECTION("another command under its id is refused") {
        Command other = pause;
        other.mutable_pause()->set_destination("another");
        it.send(other);
        CHECK(it.last().code() == COMMAND_CODE_ID_REUSED);
    }
    CHECK(it.runs.size() <= 1);
    it.settle();
    CHECK(it.trail().size() == entries);
}

TEST_CASE("what nobody who may ask has signed is not answered, and counted") {
    office it;
    it.settle();
    const Command good = it.pause();
    std::vector<std::string> bad;
    bad.emplace_back("garbage");
    bad.emplace_back();
    bad.push_back(it.sign(good, {}));
    bad.push_back(it.sign(good, {"stranger"}));
    bad.push_back(it.sign(good, {"ann", "ann", "ann", "ann", "ann"}));
    bad.emplace_back(limits::k_command_bytes_max + 1, 'x');
    Command misaddressed = good;
    misaddressed.set_gateway(std::string(32, 'x'));
    bad.push_back(it.sign(misaddressed, {"ann"}));
    Command versioned = good;
    versioned.set_version(2);
    bad.push_back(it.sign(versioned, {"ann"}));
    Command short_id = good;
    short_id.set_id("id");
    bad.push_back(it.sign(short_id, {"ann"}));
    // ann's signature under another text, and bob's value under ann's name.
    SignedCommand forged;
    REQUIRE(forged.ParseFromString(it.sign(it.books(), {"ann"})));
    forged.set_command(good.SerializeAsString());
    bad.push_back(forged.SerializeAsString());
    REQUIRE(forged.ParseFromString(it.sign(good, {"bob"})));
    forged.mutable_signatures(0)->set_key(
        std::string(view_of(key_named("ann").half().fingerprint())));
    bad.push_back(forged.SerializeAsString());
    // A signature for another purpose.
    REQUIRE(forged.ParseFromString(it.sign(good, {"ann"})));
    forged.mutable_signatures(0)->set_value(
        *key_named("ann").sign(manage::report_to_sign(forged.command())));
    bad.push_back(forged.SerializeAsString());
    for (const std::string& bytes : bad) {
        it.at.now_us += 1'000'000;
        it.send_bytes(bytes);
    }
    it.settle();
    CHECK(it.reports.empty());
    CHECK(it.runs.empty());
    CHECK(it.trail().empty());
    CHECK(it.desk->counts().refused == bad.size());
    CHECK(it.desk->counts().open == 0);
    CHECK_FALSE(it.log.empty());
}

TEST_CASE("a nonce of an earlier run or too old is refused with the present one") {
    office it;
    it.settle();
    const Command old = it.pause();
    SECTION("an earlier run") {
        it.restart();
    }
    SECTION("too old") {
        it.at.now_us += std::int64_t{limits::k_nonce_s} * limits::k_nonces_good * 1'000'000;
    }
    it.send(old);
    CHECK(it.last().code() == COMMAND_CODE_STALE_NONCE);
    CHECK(it.last().nonce() == it.desk->nonce(it.at));
    it.settle();
    CHECK(it.trail().empty());
    Command anew = old;
    anew.set_nonce(it.last().nonce());
    it.send(anew);
    it.commit();
    CHECK(it.runs.size() == 1);
}

TEST_CASE("a command whose time is over is refused where the clock can be trusted") {
    office it;
    it.settle();
    Command late = it.pause();
    late.set_expires_at_us(it.at.wall_us - 1);
    it.at.wall_synchronised = false;
    it.send(late);
    it.commit();
    CHECK(it.runs.size() == 1); // its nonce says that it is fresh
    it.at.wall_synchronised = true;
    Command other = it.pause();
    other.set_expires_at_us(it.at.wall_us - 1);
    it.send(other);
    CHECK(it.last().code() == COMMAND_CODE_EXPIRED);
}

TEST_CASE("a role that does not suffice is refused, and that is in the trail") {
    office it;
    it.settle();
    it.send(it.pause(), {"eve"});
    it.settle();
    CHECK(it.last().code() == COMMAND_CODE_FORBIDDEN);
    CHECK(it.last().message() == "pause needs the role operator, and eve has the role viewer");
    REQUIRE(it.trail().size() == 1);
    CHECK(it.trail()[0].code() == COMMAND_CODE_FORBIDDEN);
    it.send(it.make([](Command& c) { c.mutable_operators_change(); }), {"bob"});
    CHECK(it.last().code() == COMMAND_CODE_FORBIDDEN);
}

TEST_CASE("what is refused and repeated by the broker is in the trail once") {
    office it;
    it.settle();
    const Command pause = it.pause();
    for (int i = 0; i < 10; ++i) {
        it.at.now_us += 1'000'000;
        it.send(pause, {"eve"});
        it.settle();
        CHECK(it.last().code() == COMMAND_CODE_FORBIDDEN);
    }
    CHECK(it.trail().size() == 1);
}

TEST_CASE("a long reason is cut between two characters and the trail stays readable") {
    office it;
    it.settle();
    Command pause = it.pause();
    std::string reason(limits::k_text_bytes_max - 1, 'r');
    pause.set_reason(reason + "\xc3\xa4 and more");
    it.send(pause, {"eve"});
    it.settle();
    REQUIRE(it.trail().size() == 1);
    CHECK(it.trail()[0].reason() == reason);
}

TEST_CASE("what two have to sign one cannot order, not even twice") {
    office it(make_roster({make_operator("ann", OPERATOR_ROLE_ADMIN),
                           make_operator("bob", OPERATOR_ROLE_OPERATOR),
                           make_operator("eve", OPERATOR_ROLE_VIEWER)},
                          {"pause"}));
    it.settle();
    for (const auto& by : std::vector<std::vector<std::string>>{
             {"ann"}, {"ann", "ann"}, {"ann", "eve"}, {"ann", "stranger"}}) {
        it.at.now_us += 1'000'000;
        it.send(it.pause(), by);
        CHECK(it.last().code() == COMMAND_CODE_FORBIDDEN);
        CHECK(it.last().message() ==
              "pause has to be signed by two operators with the role operator");
    }
    it.send(it.pause(), {"ann", "bob"});
    it.commit();
    CHECK(it.runs.size() == 1);
}

TEST_CASE("a flood of signatures is not checked beyond its bound") {
    office it;
    it.settle();
    const std::string forged = it.sign(it.pause(), {"ann"}).append("");
    SignedCommand bent;
    REQUIRE(bent.ParseFromString(forged));
    bent.mutable_signatures(0)->set_value(std::string(k_signature_bytes, 'x'));
    for (int i = 0; i < 1000; ++i)
        it.send_bytes(bent.SerializeAsString());
    CHECK(it.desk->counts().refused == limits::k_command_checks_burst);
    CHECK(it.desk->counts().overlooked == 1000 - limits::k_command_checks_burst);
    it.at.now_us += 1'000'000;
    it.send(it.pause(), {"ann"});
    it.commit();
    CHECK(it.runs.size() == 1);
}

TEST_CASE("more commands at once than there may be are refused and can come again") {
    office it;
    it.settle();
    for (std::size_t i = 0; i < limits::k_commands_open_max; ++i) {
        it.at.now_us += 1'000'000;
        it.send(it.books());
    }
    CHECK(it.runs.size() == limits::k_commands_open_max);
    const Command more = it.pause();
    it.at.now_us += 1'000'000;
    it.send(more);
    CHECK(it.last().code() == COMMAND_CODE_BUSY);
    it.desk->finish(it.runs[0].of, {}, it.at);
    it.pump();
    it.at.now_us += 1'000'000;
    it.send(more);
    it.commit();
    CHECK(it.runs.size() == limits::k_commands_open_max + 1);
}

TEST_CASE("a command that looks and is repeated by the broker is not answered twice") {
    office it;
    it.settle();
    const Command books = it.books();
    it.send(books);
    it.send(books);
    CHECK(it.runs.size() == 1);
}

TEST_CASE("a user of this machine needs no signature and is in the trail") {
    office it;
    it.settle();
    Command pause = it.pause();
    pause.clear_nonce();
    const auto of = it.desk->on_local(pause, "root", it.at);
    it.settle();
    REQUIRE(it.runs.size() == 1);
    it.desk->finish(it.runs[0].of, {}, it.at);
    it.settle();
    REQUIRE(it.answers.size() == 1);
    CHECK(it.answers[0].of == of);
    CHECK(it.answers[0].report.code() == COMMAND_CODE_OK);
    CHECK(it.reports.empty());
    CHECK(it.desk->counts().outbound == 0);
    REQUIRE(it.trail().size() == 2);
    CHECK(it.trail()[1].local_user() == "root");
    // Nothing is kept of it but the trail.
    CHECK(read_manage_state(it.journal.store)->commands.empty());
}

TEST_CASE("users of this machine may order more than is remembered of the fleet's commands") {
    office it;
    it.settle();
    for (std::size_t i = 0; i < limits::k_commands_known_max + 5; ++i) {
        Command pause = it.pause();
        pause.clear_nonce();
        static_cast<void>(it.desk->on_local(pause, "root", it.at));
        it.settle();
        it.desk->finish(it.runs.back().of, {}, it.at);
        it.settle();
        REQUIRE(it.answers.back().report.code() == COMMAND_CODE_OK);
    }
}

TEST_CASE("events wait for the link, survive a power cut, and give way to newer ones") {
    office it;
    it.settle();
    GatewayEvent event;
    event.set_code("full");
    event.set_text(std::string(8 * 1024, 't'));
    const std::size_t count = limits::k_outbound_bytes_max / event.ByteSizeLong() + 10;
    for (std::size_t i = 0; i < count; ++i) {
        it.desk->raise(event, it.at);
        it.settle();
    }
    // Nothing is delivered yet, and what gave way made room for others.
    CHECK(it.events.size() == limits::k_outbound_in_flight_max + it.desk->counts().events_lost);
    const auto counts = it.desk->counts();
    CHECK(counts.events_lost >= 1);
    CHECK(counts.outbound + counts.events_lost == count);
    it.restart();
    it.events.clear();
    it.outbound.clear();
    CHECK(it.desk->counts().outbound == counts.outbound);
    it.desk->on_link_up();
    it.pump();
    CHECK(it.events.size() == limits::k_outbound_in_flight_max);
    while (!it.outbound.empty()) {
        const std::uint64_t first = it.outbound.begin()->first;
        it.outbound.erase(first);
        it.desk->on_delivered(first);
        it.settle();
    }
    REQUIRE(it.events.size() == counts.outbound);
    const auto before = static_cast<std::uint64_t>(it.at.journal_us);
    CHECK(it.events.front().number() == before + counts.events_lost + 1);
    CHECK(it.events.back().number() == before + count);
    it.desk->raise(event, it.at);
    it.settle();
    CHECK(it.events.back().number() > count);
}

TEST_CASE("commands are forgotten when no nonce of theirs can be good any more") {
    office it;
    it.settle();
    const Command pause = it.pause();
    it.send(pause);
    it.commit();
    it.desk->finish(it.runs.at(0).of, {}, it.at);
    it.settle();
    const std::int64_t long_us =
        std::int64_t{limits::k_nonce_s} * (limits::k_nonces_good + 1) * 1'000'000;
    it.at.now_us += long_us - 1;
    it.at.journal_us += long_us - 1;
    it.desk->tick(it.at);
    it.settle();
    CHECK(read_manage_state(it.journal.store)->commands.size() == 1);
    it.at.journal_us += 1;
    it.at.now_us += 1;
    it.desk->tick(it.at);
    it.settle();
    CHECK(read_manage_state(it.journal.store)->commands.empty());
    it.reports.clear();
    it.send(pause);
    CHECK(it.last().code() == COMMAND_CODE_STALE_NONCE);
}
