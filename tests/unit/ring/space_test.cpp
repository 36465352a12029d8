// The space rule: what the ring took fits below, whatever the quota.
#include "tests/unit/ring/rig.hpp"

#include <catch2/catch.hpp>

#include <random>

using namespace wharf;
using namespace wharf::test;

TEST_CASE("with little room below groups go past the ring, and are refused in time") {
    ring_rig at;
    at.below.set_bytes_max(200'000);
    at.open();
    int taken = 0;
    while (true) {
        commit_result done = at.try_commit({{"E" + std::to_string(taken), text(1000)}});
        if (done.outcome == commit_outcome::no_space) break;
        REQUIRE(done.outcome == commit_outcome::durable);
        merge_into(at.expected, {{"E" + std::to_string(taken), text(1000)}});
        ++taken;
    }
    CHECK(taken > 150);
    CHECK(at.store().traffic().ring_records > 0);
    CHECK(at.store().traffic().direct_commits > 0);
    CHECK(at.store().traffic().checkpoints_refused == 0);
    // Deletions make room, and then it goes on.
    at.commit({{"E0", std::nullopt}, {"E1", std::nullopt}});
    at.put("E0", text(1000));
    at.power_cut();
    CHECK(at.read_all() == at.expected);
}

TEST_CASE("at any quota every acknowledged group can be recovered within it") {
    std::mt19937 random(7);
    for (std::uint64_t quota = 3'000; quota <= 600'000; quota = quota * 5 / 4) {
        INFO("quota " << quota);
        ring_rig at;
        at.below.set_bytes_max(quota);
        at.open();
        std::size_t acknowledged = 0;
        for (int i = 0; i < 300; ++i) {
            changes all;
            for (unsigned n = random() % 4 + 1; n > 0; --n) {
                std::string key = "K" + std::to_string(random() % 200);
                if (random() % 4 == 0)
                    all[key] = std::nullopt;
                else
                    all[key] = text(random() % 900);
            }
            commit_result done = at.try_commit(all);
            REQUIRE(done.outcome != commit_outcome::unknown);
            if (done.outcome == commit_outcome::durable) {
                merge_into(at.expected, all);
                ++acknowledged;
            }
            at.now_us += 700'000;
            REQUIRE(at.store().tick(at.now_us).ok());
            if (i % 23 == 0) at.power_cut(); // opening would fail where it did not fit
        }
        CHECK(at.store().traffic().checkpoints_refused == 0);
        CHECK(acknowledged > 0);
        at.power_cut();
        CHECK(at.read_all() == at.expected);
    }
}

TEST_CASE("what waits in the ring counts as used") {
    ring_rig at;
    at.below.set_bytes_max(10'000'000);
    at.open();
    std::uint64_t before = at.store().usage()->bytes_used;
    at.put("a", text(5000));
    CHECK(at.store().usage()->bytes_used == before + 5001);
    at.put("a", text(100));
    CHECK(at.store().usage()->bytes_used == before + 101);
    at.commit({{"a", std::nullopt}});
    CHECK(at.store().usage()->bytes_used == before + 1);
    REQUIRE(at.store().checkpoint().ok());
    CHECK(at.store().usage()->bytes_used == before);
    CHECK(at.store().usage()->bytes_max == 10'000'000);
}

TEST_CASE("a checkpoint that is refused loses nothing and is tried again") {
    ring_rig at;
    at.open();
    REQUIRE(at.store().tick(0).ok());
    at.put("a", "1");
    at.below.refuse_commits(1);
    REQUIRE(at.store().tick(20'000'000).ok());
    CHECK(at.store().traffic().checkpoints_refused == 1);
    CHECK(at.store().waits_in_ring());
    CHECK(at.read_all() == at.expected);
    at.put("b", "2");
    REQUIRE(at.store().tick(20'500'000).ok());
    CHECK(at.store().waits_in_ring());
    REQUIRE(at.store().tick(21'000'000).ok());
    CHECK_FALSE(at.store().waits_in_ring());
    at.below.refuse_put_after(1);
    at.put("c", "3");
    REQUIRE(at.store().checkpoint().ok());
    CHECK(at.store().waits_in_ring());
    at.power_cut();
    CHECK(at.read_all() == at.expected);
}

TEST_CASE("a direct group that is refused changes nothing, wherever it is refused") {
    for (std::size_t puts = 0; puts < 5; ++puts) {
        ring_rig at;
        at.open();
        at.commit({{"a", "1"}, {"b", "1"}});
        at.below.refuse_put_after(puts);
        commit_result done = at.try_commit({{"b", text(13'000)}, {"c", "2"}});
        // Two wait, then come b and c and the position.
        CHECK(done.outcome == commit_outcome::no_space);
        CHECK(at.read_all() == at.expected);
        CHECK(at.store().waits_in_ring());
        at.put("d", "3");
        at.power_cut();
        CHECK(at.read_all() == at.expected);
    }
    ring_rig at;
    at.open();
    at.put("a", "1");
    at.below.refuse_commits(1);
    CHECK(at.try_commit({{"a", text(13'000)}}).outcome == commit_outcome::no_space);
    at.commit({{"a", text(13'000)}});
    at.power_cut();
    CHECK(at.read_all() == at.expected);
}

TEST_CASE("after large groups the ring is used again once the space was looked at") {
    ring_rig at;
    at.below.set_bytes_max(3'000'000);
    at.open();
    for (int i = 0; i < 60; ++i)
        at.commit({{"a", text(13'000)}});
    at.put("b", "1");
    CHECK(at.store().traffic().ring_records == 0);
    REQUIRE(at.store().tick(2'000'000).ok());
    at.put("b", "2");
    CHECK(at.store().traffic().ring_records == 1);
}
