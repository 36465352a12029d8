// What opening a journal checks, and the words it refuses with.
#include "gateway/base/frame.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/journal/event_block.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/inspect.hpp"
#include "tests/unit/journal/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

namespace {

void fill(rig& r, int count) {
    r.connect();
    for (int i = 0; i < count; ++i)
        r.ingest_one({{"k" + std::to_string(i)}, "a", lane::inventory, {77}});
}

void put(rig& r, const std::string& key, const google::protobuf::MessageLite& content) {
    r.store.plant(key, format::seal(key, content));
}

void flip(rig& r, const std::string& key) {
    auto all = r.store.read_all();
    REQUIRE(all.contains(key));
    std::string value = all.at(key);
    value.back() = static_cast<char>(value.back() ^ 1);
    r.store.plant(key, value);
}

void refused(rig& r, errc code, const std::string& words) {
    auto opened = r.try_open();
    REQUIRE_FALSE(opened.ok());
    INFO(opened.failure().message);
    CHECK(opened.failure().code == code);
    CHECK_THAT(opened.failure().message, Catch::Contains(words));
}

} // namespace

TEST_CASE("a new journal is made with its gateway and epoch, and found again") {
    rig r;
    CHECK(r.under_test().recovery().created);
    r.options.epoch = 99;
    r.power_cut();
    CHECK_FALSE(r.under_test().recovery().created);
    CHECK(r.under_test().recovery().names.first == 42);
    auto header = read_header(r.store);
    REQUIRE(header.ok());
    CHECK(header->gateway() == "WH7");
    CHECK(header->created_at_us() == 1'700'000'000'000'000);
}

TEST_CASE("opening commits before anything can be answered") {
    rig r;
    auto before = r.store.commits();
    r.restart();
    CHECK(r.store.commits() == before + 1);
    r.store.fail_commit(true, true);
    CHECK(r.try_open().failure().code == errc::io);
}

TEST_CASE("a journal of a newer format is refused and left alone") {
    rig r;
    auto header = read_header(r.store);
    header->set_format_version(format::k_version + 1);
    put(r, format::header_key(), *header);
    auto before = r.store.read_all();
    refused(r, errc::unsupported, "Use the program that wrote it");
    CHECK(r.store.read_all() == before);
}

TEST_CASE("another gateway's journal is refused") {
    rig r;
    r.options.gateway = "WH8";
    refused(r, errc::conflict, "this is the journal of gateway \"WH7\"");
}

TEST_CASE("records without a header, or a header without books, are damage") {
    rig r;
    fill(r, 1);
    SECTION("no header") {
        r.store.remove(format::header_key());
        refused(r, errc::corrupt, "records but no header");
    }
    SECTION("no books") {
        r.store.remove(format::state_key());
        refused(r, errc::corrupt, "no books");
    }
    SECTION("a damaged header") {
        flip(r, format::header_key());
        refused(r, errc::corrupt, "header: the checksum does not match");
    }
    SECTION("damaged books") {
        flip(r, format::state_key());
        refused(r, errc::corrupt, "state: the checksum does not match");
    }
}

TEST_CASE("books that do not balance are damage") {
    rig r;
    fill(r, 2);
    auto state = *read_state(r.store);
    SECTION("of a destination") {
        state.mutable_destinations(0)->set_pending(1);
        put(r, format::state_key(), state);
        refused(r, errc::corrupt, "books of erp: the parts do not add up to accepted");
    }
    SECTION("of the intake") {
        state.mutable_intake()->set_duplicate(9);
        put(r, format::state_key(), state);
        refused(r, errc::corrupt, "received is not");
    }
    SECTION("against the events") {
        state.set_last_sequence(1);
        put(r, format::state_key(), state);
        refused(r, errc::corrupt, "accepted 2, but the last event is 1");
    }
}

TEST_CASE("an undelivered event that is damaged or missing is found at the start") {
    rig r;
    fill(r, 4);
    SECTION("damaged") {
        flip(r, format::event_key(2));
        refused(r, errc::corrupt, "event 2: the checksum does not match");
    }
    SECTION("missing in the middle") {
        r.store.remove(format::event_key(2));
        refused(r, errc::corrupt, "events 2 to 2 are missing");
    }
    SECTION("missing at the end") {
        r.store.remove(format::event_key(4));
        refused(r, errc::corrupt, "the last event is 3, the books say 4");
    }
    SECTION("one too many") {
        event_block_builder block;
        event_head head;
        head.number = 5;
        block.add(head, "");
        r.store.plant(block.key(), block.value());
        refused(r, errc::corrupt, "the last event is 5, the books say 4");
    }
    SECTION("under another number") {
        r.store.plant(format::event_key(2), r.store.read_all().at(format::event_key(3)));
        refused(r, errc::corrupt, "events from 2: the checksum does not match");
    }
    SECTION("malformed under a checksum that holds") {
        event_block_builder block;
        block.add(2, lane::inventory, 0, std::string(3, '\x07'));
        r.store.plant(block.key(), block.value());
        refused(r, errc::corrupt, "event 2: its head is malformed");
    }
}

TEST_CASE("damaged delivery state and sessions are found at the start") {
    rig r;
    fill(r, 3);
    seal_batch seal{1, {}};
    seal.content.add_items()->set_sequence(1);
    r.commit(
        {deliver({seal, settle_update{2, settlement::applied}, set_mark{lane::inventory, 2}})});
    SECTION("low water") {
        flip(r, format::low_water_key(0, lane::count));
        refused(r, errc::corrupt, "low water 0/count: the checksum");
    }
    SECTION("low water missing") {
        r.store.remove(format::low_water_key(0, lane::count));
        refused(r, errc::corrupt, "low water 0/count: missing");
    }
    SECTION("low water after the last event") {
        std::string key = format::low_water_key(0, lane::count);
        r.store.plant(key, frame(key, std::string("\x09\0\0\0\0\0\0\0", 8)));
        refused(r, errc::corrupt, "stands at 9, after the last event");
    }
    SECTION("mark") {
        flip(r, format::mark_key(0, lane::inventory, 2));
        refused(r, errc::corrupt, "mark 0/inventory/2");
    }
    SECTION("batch") {
        flip(r, format::batch_key(0, 1));
        refused(r, errc::corrupt, "batch 0/1");
    }
    SECTION("session") {
        flip(r, format::session_key("client"));
        refused(r, errc::corrupt, "session client");
    }
}

TEST_CASE("undelivered counts what some destination still has to see") {
    rig r;
    fill(r, 3);
    r.ingest_one({{"ship"}, "a", lane::shipment});
    r.commit({deliver({settle_update{1, settlement::applied}, settle_update{2, settlement::applied},
                       advance_low_water{lane::inventory, 2}})});
    r.restart();
    CHECK(r.under_test().recovery().undelivered == 2); // the third, and the shipment
    CHECK(r.under_test().recovery().last_sequence == 4);
}

TEST_CASE("after a restart the order of a key goes on where it stopped") {
    rig r;
    fill(r, 2);
    r.power_cut();
    r.connect();
    r.ingest_one({{"next"}, "a", lane::shipment, {77}});
    auto head = r.view().head(3);
    REQUIRE(head->links.size() == 1);
    CHECK(head->links[0].previous == 2);
    CHECK(head->links[0].previous_lane == lane::inventory);
}

TEST_CASE("a journal may know only so many destinations") {
    rig r;
    r.options.destinations = {"1", "2", "3", "4", "5", "6", "7", "8"}; // and "erp" before them
    refused(r, errc::too_large, "no room for \"8\"");
}

TEST_CASE("a store without room for the ordering table takes groups all the same") {
    rig r;
    r.connect();
    const auto most = static_cast<int>(limits::k_order_snapshot_events - 8);
    for (int i = 0; i < 4; ++i)
        r.ingest(make_message(std::vector<event_draft>(most / 4, {{}, "a"})));
    r.store.refuse_put_after(6); // in the middle of the parts
    const ingest_request due{1, make_message(std::vector<event_draft>(16, {{}, "a"})), 0};
    REQUIRE(r.try_commit({due}).outcome == commit_outcome::no_space);
    REQUIRE(r.try_commit({due}).outcome == commit_outcome::durable);
    CHECK_FALSE(r.store.read_all().contains(format::order_key(0)));
    for (int i = 0; i < 256; ++i)
        r.ingest_one({{}, "a"});
    CHECK(r.store.read_all().contains(format::order_key(0))); // later
}

TEST_CASE("a start reads the ordering table as it was written and only the events since") {
    rig r;
    r.connect();
    const auto many = static_cast<int>(limits::k_order_snapshot_events / 4);
    r.ingest_one({{}, "a", lane::count, {5, 77}});
    for (int i = 0; i < 4; ++i)
        r.ingest(make_message(std::vector<event_draft>(many, {{}, "a"})));
    r.ingest_one({{}, "a", lane::shipment, {78}});
    REQUIRE(r.store.read_all().contains(format::order_key(0)));
    auto linked = [&](std::uint64_t key) {
        r.connect();
        r.ingest_one({{}, "a", lane::inventory, {key}});
        return r.view().head(r.state().last_sequence())->links.at(0);
    };
    SECTION("what was touched before and after is known") {
        // An early event is damaged: nothing at a start depends on it.
        flip(r, format::event_key(2));
        r.restart();
        CHECK(linked(77).previous == 1);
        CHECK(linked(77).previous_lane == lane::inventory);
        CHECK(linked(78).previous == 4 * static_cast<sequence>(many) + 2);
    }
    SECTION("without crash damage a table that lies is refused") {
        flip(r, format::order_key(3));
        refused(r, errc::corrupt, "ordering table 3: the checksum does not match");
    }
    SECTION("and one that is not whole") {
        r.store.remove(format::order_key(3));
        refused(r, errc::corrupt, "ordering table 3: missing");
    }
}
