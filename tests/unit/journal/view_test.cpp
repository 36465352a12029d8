// Reading in pages: heads per lane and what is parked.
#include "tests/unit/journal/rig.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace wharf;
using namespace wharf::test;

TEST_CASE("heads of a lane come in pages that cover every event once") {
    rig r;
    r.connect();
    std::vector<sequence> expected;
    for (int i = 0; i < 50; ++i) {
        lane in_lane = i % 7 == 0 ? lane::shipment : lane::count;
        r.ingest_one({{"k" + std::to_string(i)}, "a", in_lane});
        if (in_lane == lane::shipment) expected.push_back(static_cast<sequence>(i) + 1);
    }
    auto heads_max = GENERATE(std::size_t{1}, std::size_t{3}, std::size_t{100});
    auto scan_max = GENERATE(std::size_t{1}, std::size_t{4}, std::size_t{100});
    std::vector<sequence> seen;
    sequence after = k_no_sequence;
    bool at_end = false;
    for (int pages = 0; !at_end && pages < 100; ++pages) {
        auto page = r.view().heads(lane::shipment, after, heads_max, scan_max);
        REQUIRE(page.ok());
        CHECK(page->heads.size() <= heads_max);
        CHECK(page->scanned_to <= after + scan_max);
        for (const event_head& head : page->heads)
            seen.push_back(head.number);
        after = page->scanned_to;
        at_end = page->at_end;
    }
    CHECK(at_end);
    CHECK(after == 50);
    CHECK(seen == expected);
}

TEST_CASE("heads of all lanes and of an empty journal") {
    rig r;
    auto none = r.view().heads_of_all(0, 10);
    REQUIRE(none.ok());
    CHECK(none->at_end);
    CHECK(none->heads.empty());
    r.connect();
    r.ingest(make_message({{{"a"}, "a"}, {{"b"}, "b"}, {{"c"}, "c"}}));
    auto page = r.view().heads_of_all(1, 10);
    REQUIRE(page->heads.size() == 2);
    CHECK(page->heads[0].number == 2);
    CHECK(page->heads[0].body_bytes > 0);
    CHECK(page->at_end);
}

TEST_CASE("an event that is not there is not found") {
    rig r;
    CHECK(r.view().head(1).failure().code == errc::not_found);
    CHECK(r.view().event(1).failure().code == errc::not_found);
    CHECK(r.view().events({1}).failure().code == errc::not_found);
}

TEST_CASE("parked updates are found by key, each key once, in order of their numbers") {
    rig r;
    r.connect();
    for (int i = 0; i < 6; ++i)
        r.ingest_one({{"k" + std::to_string(i)}, "a"});
    constexpr std::uint64_t k_last = std::numeric_limits<std::uint64_t>::max();
    auto waiting = wharf::v1::PARKED_STATE_WAITING;
    r.commit({deliver({park_update{2, parked(wharf::v1::PARKED_STATE_DEAD, {5, k_last})},
                       park_update{3, parked(waiting, {5})}, park_update{5, parked(waiting, {5})},
                       park_update{6, parked(waiting, {0})}})});
    auto view = r.view();
    CHECK(view.first_parked(0, 5)->value() == 2);
    CHECK(view.first_parked(0, 5, 2)->value() == 3);
    CHECK(view.first_parked(0, 5, 3)->value() == 5);
    CHECK_FALSE(view.first_parked(0, 5, 5)->has_value());
    CHECK_FALSE(view.first_parked(0, 6)->has_value());
    CHECK_FALSE(view.first_parked(1, 5)->has_value());

    auto keys = view.parked_keys(0, 0, 10);
    REQUIRE(keys->size() == 3);
    CHECK((*keys)[0].key_hash == 0);
    CHECK((*keys)[0].first == 6);
    CHECK((*keys)[1].key_hash == 5);
    CHECK((*keys)[1].first == 2);
    CHECK((*keys)[2].key_hash == k_last);
    CHECK(view.parked_keys(0, 0, 2)->size() == 2);
    CHECK(view.parked_keys(0, 6, 10)->size() == 1);
    CHECK(view.parked_keys(1, 0, 10)->empty());
}
