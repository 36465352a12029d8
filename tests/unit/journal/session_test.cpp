// MQTT session state: Session Present, QoS 2 packet ids, generations, expiry.
#include "gateway/base/limits.hpp"
#include "gateway/journal/format.hpp"
#include "tests/unit/journal/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

namespace {

prepared_message qos2(std::uint16_t packet_id, const std::string& key) {
    auto message = make_message({{{key}, key}});
    message.qos = 2;
    message.packet_id = packet_id;
    return message;
}

bool has_any(rig& r, char tag) {
    auto all = r.store.read_all();
    auto found = all.lower_bound(std::string(1, tag));
    return found != all.end() && found->first.front() == tag;
}

} // namespace

TEST_CASE("a session is present when it was there before, also after a power cut") {
    rig r;
    CHECK_FALSE(r.connect().session_present);
    CHECK(r.connect().session_present);
    r.power_cut();
    CHECK(r.connect().session_present);
    CHECK_FALSE(r.connect("client", true).session_present);
    CHECK_FALSE(r.connect("another").session_present);
}

TEST_CASE("QoS 2 packet ids are there after a power cut until they are released") {
    rig r;
    r.connect();
    r.ingest(qos2(10, "a"));
    r.ingest(qos2(0xfffe, "b"));
    CHECK(r.connect().qos2_packet_ids == std::vector<std::uint16_t>{10, 0xfffe});
    auto answers = r.commit({session_release_request{5, "client", r.generation, 10}});
    REQUIRE(answers.size() == 1);
    CHECK(std::get<session_released>(answers[0]).token == 5);
    r.power_cut();
    CHECK(r.connect().qos2_packet_ids == std::vector<std::uint16_t>{0xfffe});
    CHECK(r.connect("client", true).qos2_packet_ids.empty());
    CHECK(r.connect().qos2_packet_ids.empty());
}

TEST_CASE("packet ids of one client are not those of a client whose name it begins") {
    rig r;
    r.connect("clien");
    r.connect();
    r.ingest(qos2(10, "a"));
    CHECK(r.connect("clien").qos2_packet_ids.empty());
    r.connect("clien", true);
    CHECK(r.connect().qos2_packet_ids.size() == 1);
}

TEST_CASE("a session without expiry ends with its connection") {
    rig r;
    auto opened = r.connect("client", false, 0);
    r.commit({session_close_request{"client", opened.generation, 0}});
    CHECK_FALSE(r.connect("client", false, 0).session_present);
    r.power_cut();
    CHECK_FALSE(r.connect("client", false, 0).session_present);
}

TEST_CASE("a close with expiry 0 ends a journaled session and all it held") {
    rig r;
    auto opened = r.connect();
    r.ingest(qos2(10, "a"));
    r.ingest_one({{}, "keyless"});
    r.commit({session_close_request{"client", opened.generation, 0}});
    CHECK_FALSE(has_any(r, format::k_session));
    CHECK_FALSE(has_any(r, format::k_qos2));
    CHECK_FALSE(has_any(r, format::k_redelivery));
    CHECK_FALSE(r.connect().session_present);
}

TEST_CASE("what a taken-over connection still had in the queue is left out, unacknowledged") {
    rig r;
    auto old = r.connect();
    auto late = qos2(10, "a");
    late.generation = old.generation;
    auto answers =
        r.commit({session_open_request{1, "client", false, 3600}, ingest_request{2, late},
                  session_release_request{3, "client", old.generation, 9},
                  session_close_request{"client", old.generation, 0}});
    REQUIRE(answers.size() == 2);
    CHECK(std::get<session_opened>(answers[0]).generation > old.generation);
    CHECK(std::get<ingest_dropped>(answers[1]).token == 2);
    CHECK(r.state().intake().received() == 0);
    auto again = r.connect();
    CHECK(again.session_present); // the close was not its own
    CHECK(again.qos2_packet_ids.empty());
}

TEST_CASE("a rolled back close or takeover leaves the connection as it was") {
    rig r;
    auto opened = r.connect();
    SECTION("close") {
        r.roll_back({session_close_request{"client", opened.generation, 3600}});
        CHECK(r.ingest_one({{"k1"}, "a"}).accepted == 1);
        // Tried again, it does what the first try was to do: the session begins to expire.
        r.commit({session_close_request{"client", opened.generation, 1}});
        r.now_us += 2'000'000;
        CHECK_FALSE(r.connect().session_present);
    }
    SECTION("takeover") {
        r.roll_back({session_open_request{1, "client", true, 3600}});
        CHECK(r.ingest_one({{"k1"}, "a"}).accepted == 1);
    }
    SECTION("several steps in one group") {
        r.roll_back({session_close_request{"client", opened.generation, 3600},
                     session_open_request{1, "client", false, 3600},
                     session_open_request{1, "client", false, 3600}});
        CHECK(r.ingest_one({{"k1"}, "a"}).accepted == 1);
    }
}

TEST_CASE("a generation is not used twice, not even after a roll-back") {
    rig r;
    auto first = r.connect();
    r.roll_back({session_open_request{1, "client", true, 3600}});
    CHECK(r.connect().generation > first.generation + 1);
}

TEST_CASE("a session expires after its time without a connection") {
    rig r;
    auto opened = r.connect("client", false, 60);
    r.ingest(qos2(10, "a"));
    r.now_us += 3'600'000'000; // connected: no expiry
    CHECK(r.connect("client", false, 60).session_present);
    opened = r.connect("client", false, 60);
    r.commit({session_close_request{"client", opened.generation, 60}});
    SECTION("a moment before it is there") {
        r.now_us += 59'999'999;
        CHECK(r.connect("client", false, 60).session_present);
    }
    SECTION("and is gone afterwards, with its packet ids") {
        r.now_us += 60'000'000;
        CHECK_FALSE(r.connect("client", false, 60).session_present);
        CHECK(r.connect("client", false, 60).qos2_packet_ids.empty());
    }
    SECTION("and is swept without anybody asking") {
        r.now_us += 121'000'000;
        r.commit({});
        CHECK_FALSE(has_any(r, format::k_session));
        CHECK_FALSE(has_any(r, format::k_qos2));
    }
    SECTION("and one that never expires stays") {
        auto other = r.connect("other", false, 0xffffffff);
        r.commit({session_close_request{"other", other.generation, 0xffffffff}});
        r.now_us += std::int64_t{1} << 50;
        r.commit({});
        CHECK(r.connect("other", false, 0xffffffff).session_present);
    }
}

TEST_CASE("a sweep that was rolled back is done again") {
    rig r;
    auto opened = r.connect("client", false, 1);
    r.commit({session_close_request{"client", opened.generation, 1}});
    r.now_us += 121'000'000;
    r.roll_back({});
    r.commit({});
    CHECK_FALSE(has_any(r, format::k_session));
}

TEST_CASE("a session closed at the very beginning of journal time expires too") {
    rig r;
    r.now_us = 0;
    auto opened = r.connect("client", false, 1);
    r.commit({session_close_request{"client", opened.generation, 1}});
    r.now_us = 2'000'000;
    CHECK_FALSE(r.connect().session_present);
}

TEST_CASE("whoever was connected at a power cut begins to expire at the restart") {
    rig r;
    r.connect("client", false, 60);
    r.power_cut();
    CHECK(r.under_test().recovery().sessions == 1);
    r.now_us += 30'000'000;
    r.commit({});
    CHECK(has_any(r, format::k_session));
    r.now_us += 121'000'000;
    r.commit({});
    CHECK_FALSE(has_any(r, format::k_session));
}

TEST_CASE("beyond the bound a new session is refused, known and unjournaled ones are not") {
    rig r;
    std::vector<journal_request> all;
    for (std::size_t i = 0; i < limits::k_sessions_max; ++i)
        all.emplace_back(session_open_request{i, "c" + std::to_string(i), false, 3600});
    for (const journal_answer& answer : r.commit(std::move(all)))
        REQUIRE_FALSE(std::get<session_opened>(answer).refused);
    CHECK(r.connect("one more").refused);
    CHECK_FALSE(r.connect("one more", false, 0).refused);
    CHECK_FALSE(r.connect("c1").refused);
    r.commit({session_close_request{"c1", r.connect("c1").generation, 0}});
    CHECK_FALSE(r.connect("one more").refused);
}

TEST_CASE("a refusal is answered though it changes nothing") {
    rig r;
    std::vector<journal_request> all;
    for (std::size_t i = 0; i < limits::k_sessions_max; ++i)
        all.emplace_back(session_open_request{i, "c" + std::to_string(i), false, 3600});
    r.commit(std::move(all));
    REQUIRE(r.under_test().begin(r.now_us).ok());
    REQUIRE(r.under_test().apply(session_open_request{9, "one more", false, 3600}).ok());
    CHECK_FALSE(r.under_test().dirty());
    auto answers = r.under_test().take_answers();
    r.under_test().roll_back();
    REQUIRE(answers.size() == 1);
    CHECK(std::get<session_opened>(answers[0]).refused);
}

namespace {

session_opened open_as(rig& r, std::optional<std::string> owner, bool clean = false,
                       bool displace = false) {
    auto answers =
        r.commit({session_open_request{1, "client", clean, 3600, std::move(owner), displace}});
    REQUIRE(answers.size() == 1);
    return std::get<session_opened>(answers[0]);
}

} // namespace

TEST_CASE("a session belongs to the identity that made it") {
    rig r;
    auto first = open_as(r, "alice");
    CHECK(first.anothers.empty());
    r.commit({session_close_request{"client", first.generation, 3600, "alice"}});
    for (const bool clean : {false, true}) {
        CHECK(open_as(r, "bob", clean).anothers == "alice");
        CHECK(open_as(r, "", clean).anothers == "alice");
    }
    r.power_cut();
    CHECK(open_as(r, "bob").anothers == "alice");
    auto again = open_as(r, "alice");
    CHECK(again.anothers.empty());
    CHECK(again.session_present);
    // Where nobody signs in it belongs to nobody, and stays whose it was.
    CHECK(open_as(r, std::nullopt).session_present);
    CHECK(open_as(r, "bob").anothers == "alice");
    // An identity that is no more holds nothing.
    auto displaced = open_as(r, "bob", true, true);
    CHECK(displaced.anothers.empty());
    CHECK_FALSE(displaced.session_present);
    CHECK(open_as(r, "alice").anothers == "bob");
}

TEST_CASE(
    "a session that was made without an identity is taken on, and one that ended is nobody's") {
    rig r;
    CHECK_FALSE(open_as(r, "").session_present);
    auto taken_on = open_as(r, "alice");
    CHECK(taken_on.session_present);
    r.commit({session_close_request{"client", taken_on.generation, 1, "alice"}});
    CHECK(open_as(r, "bob").anothers == "alice");
    r.now_us += 2'000'000;
    CHECK(open_as(r, "bob").anothers.empty());
    // A session that is kept only at its end belongs to who ends it.
    auto short_lived = r.commit({session_open_request{1, "other", true, 0, "alice"}});
    r.commit({session_close_request{"other", std::get<session_opened>(short_lived.at(0)).generation,
                                    3600, "alice"}});
    auto stolen = r.commit({session_open_request{1, "other", false, 3600, "bob"}});
    CHECK(std::get<session_opened>(stolen.at(0)).anothers == "alice");
}
