// Messages that leave quarantine: judged again, in one transaction with the end of their record.
#include "gateway/journal/inspect.hpp"
#include "tests/unit/journal/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;
using Catch::Matchers::Contains;

namespace {

quarantine_release_request release(std::uint64_t number, prepared_message message) {
    quarantine_release_request out;
    out.token = 7;
    out.number = number;
    out.message = std::move(message);
    out.message.generation = 0;
    out.message.without_session = true;
    return out;
}

quarantine_released answer_of(rig& r, quarantine_release_request request) {
    auto answers = r.commit({std::move(request)});
    check_balance(r.state());
    return std::get<quarantine_released>(answers.at(0));
}

prepared_item bad(std::uint32_t index, std::string reason = "invalid") {
    return {index, prepared_quarantine{std::move(reason), "delta: expected a number", 1}};
}

prepared_message with_items(std::vector<prepared_item> items) {
    auto out = make_message({});
    out.payload = "as it came";
    out.content_type = "application/json";
    out.properties = {{"correlation-id", "c-1"}};
    out.items = std::move(items);
    return out;
}

prepared_item good(std::uint32_t index, const std::string& id, const std::string& content = "x") {
    return {index, make_event({{id}, content})};
}

bool verifies(rig& r) {
    auto checked = verify(r.store);
    REQUIRE(checked.ok());
    for (const auto& one : checked->findings)
        UNSCOPED_INFO(one.where << ": " << one.what);
    return checked->findings_total == 0;
}

} // namespace

TEST_CASE("what is kept in quarantine is enough to read a message again") {
    rig r;
    r.connect();
    auto message = with_items({good(0, "a"), bad(1), good(2, "b")});
    message.clock_unsynchronised = true;
    r.ingest(message);
    const auto kept = read_quarantine(r.store, 1);
    REQUIRE(kept.ok());
    CHECK(kept->message.payload() == "as it came");
    CHECK(kept->message.content_type() == "application/json");
    REQUIRE(kept->message.user_properties_size() == 1);
    CHECK(kept->message.user_properties(0).value() == "c-1");
    CHECK(kept->message.clock_unsynchronised());
    REQUIRE(kept->message.indices_size() == 1);
    CHECK(kept->message.indices(0) == 1);
    CHECK(kept->message.message_events() == 3);
}

TEST_CASE("a released message's event is accepted once, and received once") {
    rig r;
    r.connect();
    r.ingest(with_items({bad(0)}));
    REQUIRE(r.state().intake().quarantined() == 1);
    const auto said = answer_of(r, release(1, with_items({good(0, "a")})));
    CHECK(said.found);
    CHECK(said.verdict.accepted == 1);
    REQUIRE(said.receipts.size() == 1);
    CHECK(said.receipts[0].number == 1);
    CHECK(r.state().intake().received() == 1);
    CHECK(r.state().intake().accepted() == 1);
    CHECK(r.state().intake().quarantined() == 0);
    CHECK(r.books().pending() == 1);
    CHECK(r.state().quarantine_released() == 1);
    CHECK(read_quarantine(r.store, 1).failure().code == errc::not_found);
    CHECK(r.has_event(1));
    CHECK(verifies(r));
    // It is remembered: who sends it again finds it taken.
    CHECK(r.ingest_one({{"a"}, "x"}).duplicate == 1);
    CHECK_FALSE(answer_of(r, release(1, with_items({good(0, "a")}))).found);
}

TEST_CASE("a released message that is known already is a duplicate") {
    rig r;
    r.connect();
    r.ingest(with_items({bad(0)}));
    r.ingest_one({{"a"}, "x"});
    const auto said = answer_of(r, release(1, with_items({good(0, "a")})));
    CHECK(said.verdict.duplicate == 1);
    CHECK(r.state().intake().received() == 2);
    CHECK(r.state().intake().duplicate() == 1);
    CHECK(verifies(r));
}

TEST_CASE("what cannot be taken again stays under its number with the new reason") {
    rig r;
    r.connect();
    r.ingest(make_unreadable("as it came"));
    r.ingest_one({{"a"}, "x"});
    auto said = answer_of(r, release(1, with_items({good(0, "a", "something else")})));
    CHECK(said.verdict.quarantined == 1);
    CHECK(said.receipts[0].quarantine == 1);
    CHECK(said.receipts[0].reason == "conflict");
    auto kept = read_quarantine(r.store, 1);
    REQUIRE(kept.ok());
    CHECK(kept->message.reason() == "conflict");
    CHECK(kept->message.contradicts() == 1);
    CHECK(kept->message.payload() == "as it came");
    CHECK(r.state().intake().received() == 2);
    CHECK(r.state().intake().quarantined() == 1);
    CHECK(r.state().next_quarantine() == 2);
    CHECK(r.state().quarantine_released() == 0);
    CHECK(verifies(r));
    said = answer_of(r, release(1, with_items({good(0, "b")})));
    CHECK(said.verdict.accepted == 1);
    CHECK(verifies(r));
}

TEST_CASE("events that were taken when the message came are not judged again") {
    rig r;
    r.connect();
    // Nothing tells the first from an equal one: it would be taken a second time.
    auto keyless = make_event({{}, "no id"});
    r.ingest(with_items({{0, keyless}, bad(1), bad(2)}));
    REQUIRE(r.state().intake().accepted() == 1);
    const auto said = answer_of(r, release(1, with_items({{0, keyless}, good(1, "b"), bad(2)})));
    CHECK(said.verdict.accepted == 1);
    CHECK(said.verdict.quarantined == 1);
    CHECK(r.state().intake().received() == 3);
    CHECK(r.state().intake().accepted() == 2);
    auto kept = read_quarantine(r.store, 1);
    REQUIRE(kept.ok());
    CHECK(kept->message.events() == 1);
    REQUIRE(kept->message.indices_size() == 1);
    CHECK(kept->message.indices(0) == 2);
    CHECK(verifies(r));
    CHECK(answer_of(r, release(1, with_items({{0, keyless}, good(1, "b"), good(2, "c")})))
              .verdict.accepted == 1);
    CHECK(r.state().intake().accepted() == 3);
    CHECK(verifies(r));
}

TEST_CASE("a message that turns out to hold more events is received as so many") {
    rig r;
    r.connect();
    r.ingest(make_unreadable("as it came"));
    const auto said =
        answer_of(r, release(1, with_items({good(0, "a"), good(1, "b"), good(1, "c")})));
    CHECK(said.verdict.accepted == 3);
    CHECK(r.state().intake().received() == 3);
    CHECK(verifies(r));
}

TEST_CASE("a message in parts that is unreadable now goes on standing for its parts") {
    rig r;
    r.connect();
    r.ingest(with_items({good(0, "a"), bad(1), bad(2)}));
    CHECK(answer_of(r, release(1, make_unreadable("as it came"))).verdict.quarantined == 2);
    auto kept = read_quarantine(r.store, 1);
    REQUIRE(kept.ok());
    CHECK(kept->message.reason() == "unreadable");
    CHECK(kept->message.events() == 2);
    CHECK(kept->message.indices_size() == 2);
    CHECK(kept->message.message_events() == 3);
    CHECK(verifies(r));
    CHECK(answer_of(r, release(1, with_items({good(0, "a"), good(1, "b"), good(2, "c")})))
              .verdict.accepted == 2);
    CHECK(r.state().intake().received() == 3);
    CHECK(verifies(r));
}

TEST_CASE("what cannot be released is refused with words, and nothing changes") {
    rig r;
    r.connect();
    r.ingest(with_items({good(0, "a"), bad(1)}));
    CHECK_THAT(
        answer_of(r, release(1, with_items({good(0, "a"), good(1, "b"), good(2, "c")}))).refused,
        Contains("read as 2 events and is read as 3"));
    CHECK_THAT(answer_of(r, release(1, with_items({}))).refused, Contains("for the site alone"));
    auto cut = make_unreadable("half of i");
    cut.unfit = true;
    r.ingest(cut);
    CHECK_THAT(answer_of(r, release(2, with_items({good(0, "b")}))).refused,
               Contains("not all that was published"));
    CHECK(r.state().intake().accepted() == 1);
    CHECK(verifies(r));
    CHECK_FALSE(answer_of(r, release(9, with_items({good(0, "b")}))).found);
}

TEST_CASE("a command's outcome is true with its release, made of what came of it") {
    rig r;
    r.connect();
    r.ingest(with_items({bad(0)}));
    auto request = release(1, with_items({good(0, "a")}));
    request.with = [](const quarantine_released& said) {
        return manage_ops{
            put_command{"0123456789abcdef", "accepted " + std::to_string(said.verdict.accepted)}};
    };
    r.roll_back({request});
    CHECK(r.state().intake().quarantined() == 1);
    answer_of(r, request);
    bool there = false;
    REQUIRE(walk(r.store, {}, [&](auto key, auto value) {
                there = there || (key.front() == 'C' && value.find("accepted 1") != value.npos);
                return true;
            }).ok());
    CHECK(there);
    // Nothing came of it: nothing rides.
    auto again = release(1, with_items({good(0, "a")}));
    bool called = false;
    again.with = [&](const quarantine_released&) {
        called = true;
        return manage_ops{};
    };
    answer_of(r, again);
    CHECK_FALSE(called);
}

TEST_CASE("single lanes are paused in the books, and a destination that goes on goes on in all") {
    rig r;
    r.connect();
    const auto pause = [&](bool paused, std::optional<lane> only) {
        manage_request request;
        request.ops.emplace_back(pause_destination{0, paused, only});
        r.commit({request});
    };
    pause(true, lane::count);
    pause(true, lane::count);
    pause(true, lane::telemetry);
    CHECK(r.books().paused_lanes_size() == 2);
    CHECK_FALSE(r.books().paused());
    pause(false, lane::count);
    REQUIRE(r.books().paused_lanes_size() == 1);
    CHECK(r.books().paused_lanes(0) == index_of(lane::telemetry));
    r.restart();
    CHECK(r.books().paused_lanes_size() == 1);
    pause(true, std::nullopt);
    pause(false, std::nullopt);
    CHECK(r.books().paused_lanes_size() == 0);
    CHECK_FALSE(r.books().paused());
}
