// Outcomes that are known only in the transaction that makes them true, and how a command goes.
#include "tests/unit/manage/office.hpp"

#include "gateway/base/limits.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

namespace {

// A message in quarantine, and a command that reads it again.
struct desk_with_message {
    desk_with_message() {
        it.journal.connect();
        it.journal.ingest(make_unreadable("as it came"));
        it.settle();
    }
    void order(const std::string& user = {}) {
        auto command = it.make([](Command& c) { c.mutable_quarantine_release()->set_number(1); });
        if (user.empty())
            it.send(command, {"bob"});
        else
            it.desk->on_local(std::move(command), user, it.at);
        it.settle();
        REQUIRE(it.runs.size() == 1);
    }
    // As the runner does.
    void release() {
        auto end = it.desk->ends_later(it.runs.at(0).of, it.at);
        REQUIRE(end);
        quarantine_release_request request;
        request.number = 1;
        request.message = make_message({{{"a"}, "x"}});
        request.message.without_session = true;
        request.with = [end = *end, this](const quarantine_released& said) {
            auto made =
                end.with({COMMAND_CODE_OK, std::to_string(said.verdict.accepted) + " accepted",
                          "{\"number\":1}"});
            report = made.report;
            return made.ops;
        };
        it.submitted.emplace_back(std::move(request));
    }

    office it;
    std::string report;
};

} // namespace

TEST_CASE("an outcome that is known in its transaction rides in it: both or nothing") {
    desk_with_message d;
    d.order();
    d.release();
    SECTION("cut before the commit: it runs again") {
        d.it.restart();
        REQUIRE(d.it.runs.size() == 1);
        CHECK(d.it.runs[0].again);
        CHECK(d.it.journal.state().intake().accepted() == 0);
    }
    SECTION("cut after the commit: it is over, and its report is sent") {
        d.it.journal.commit(std::exchange(d.it.submitted, {}));
        d.it.restart();
        CHECK(d.it.runs.empty());
        CHECK(d.it.journal.state().intake().accepted() == 1);
        d.it.desk->on_link_up();
        d.it.pump();
        CHECK(d.it.last().step() == COMMAND_STEP_DONE);
        CHECK(d.it.last().message() == "1 accepted");
    }
    SECTION("told so") {
        d.it.journal.commit(std::exchange(d.it.submitted, {}));
        d.it.desk->on_rode(d.it.runs[0].of, d.report, d.it.at);
        d.it.pump();
        CHECK(d.it.last().step() == COMMAND_STEP_DONE);
        CHECK(d.it.last().message() == "1 accepted");
        CHECK(d.it.last().json() == "{\"number\":1}");
        CHECK(d.it.trail().back().message() == "1 accepted");
        CHECK(d.it.desk->counts().open == 0);
    }
    SECTION("nothing came of it") {
        d.it.submitted.clear();
        d.it.desk->finish(d.it.runs[0].of, {COMMAND_CODE_NOT_FOUND, "gone", {}}, d.it.at);
        d.it.settle();
        CHECK(d.it.last().code() == COMMAND_CODE_NOT_FOUND);
        CHECK(d.it.desk->counts().open == 0);
    }
}

TEST_CASE("a user of this machine gets such an outcome too, and no record of it stays") {
    desk_with_message d;
    d.order("uid 0");
    d.release();
    d.it.journal.commit(std::exchange(d.it.submitted, {}));
    d.it.desk->on_rode(d.it.runs[0].of, d.report, d.it.at);
    d.it.pump();
    REQUIRE(d.it.answers.size() == 1);
    CHECK(d.it.answers[0].report.message() == "1 accepted");
    CHECK(d.it.trail().back().local_user() == "uid 0");
    d.it.restart();
    CHECK(d.it.runs.empty());
    CHECK(d.it.outbound.empty());
}

TEST_CASE("an outcome that is too large says so") {
    desk_with_message d;
    d.order();
    const auto end = d.it.desk->ends_later(d.it.runs[0].of, d.it.at);
    REQUIRE(end);
    CommandReport report;
    REQUIRE(report.ParseFromString(
        end->with({COMMAND_CODE_OK, "", std::string(limits::k_report_bytes_max, 'x')}).report));
    CHECK(report.code() == COMMAND_CODE_FAILED);
    CHECK(report.json().empty());
    CHECK_FALSE(d.it.desk->ends_later(99, d.it.at));
}

TEST_CASE("how a command goes is told, and not kept") {
    office it;
    it.settle();
    it.send(it.books(), {"eve"});
    REQUIRE(it.runs.size() == 1);
    it.desk->tell_progress(it.runs[0].of, {COMMAND_CODE_OK, "", "{\"lines\":[\"a\"]}"}, it.at);
    it.pump();
    CHECK(it.last().step() == COMMAND_STEP_RUNNING);
    CHECK(it.last().json() == "{\"lines\":[\"a\"]}");
    CHECK(it.outbound.empty());
    it.desk->finish(it.runs[0].of, {}, it.at);
    it.settle();
    it.desk->tell_progress(it.runs[0].of, {COMMAND_CODE_OK, "late", {}}, it.at);
    it.pump();
    CHECK(it.last().step() == COMMAND_STEP_DONE);
}

TEST_CASE("who may trace, release, slow down, tail the log and take a bundle") {
    const auto role_of = [](const char* name) {
        const auto* kind = manage::kind_named(name);
        REQUIRE(kind != nullptr);
        return std::pair(kind->role, kind->changes);
    };
    CHECK(role_of("trace") == std::pair(OPERATOR_ROLE_VIEWER, false));
    CHECK(role_of("log_tail") == std::pair(OPERATOR_ROLE_VIEWER, false));
    CHECK(role_of("support_bundle") == std::pair(OPERATOR_ROLE_ADMIN, false));
    CHECK(role_of("quarantine_release") == std::pair(OPERATOR_ROLE_OPERATOR, true));
    CHECK(role_of("rate_limit") == std::pair(OPERATOR_ROLE_OPERATOR, true));
    CHECK(role_of("replay") == std::pair(OPERATOR_ROLE_OPERATOR, true));
}
