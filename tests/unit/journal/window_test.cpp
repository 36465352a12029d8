#include "tests/unit/journal/window_fixture.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;
using kind = identity_match::kind;
using fixture = window_fixture;

TEST_CASE("the window tells unknown, same and conflicting, and names the original") {
    fixture f;
    const bool in_one_group = GENERATE(true, false);
    CHECK(f.find({"a"}, "x").what == kind::unknown);
    f.remember({"a", "b"}, "x", 7);
    if (!in_one_group) f.commit();
    CHECK(f.find({"a"}, "x").what == kind::same);
    CHECK(f.find({"b"}, "x").original == 7);
    CHECK(f.find({"c", "b"}, "y").what == kind::conflict);
    CHECK(f.find({"c", "b"}, "y").original == 7);
    CHECK(f.find({}, "x").what == kind::unknown);
    CHECK(f.find({std::string("a\0", 2)}, "x").what == kind::unknown);
}

TEST_CASE("a conflict on any key outweighs a match on another") {
    fixture f;
    f.remember({"a"}, "x", 1);
    f.remember({"b"}, "y", 2);
    f.commit();
    CHECK(f.find({"a", "b"}, "x").what == kind::conflict);
    CHECK(f.find({"b", "a"}, "x").what == kind::conflict);
}

TEST_CASE("identities age and leave nothing behind") {
    fixture f;
    f.bounds.age_us_max = 100;
    f.reopen();
    f.now_us = 100;
    f.remember({"a", "b"}, "x", 1);
    f.commit();
    f.now_us = 200;
    f.add("c", "y", 3);
    CHECK(f.find({"a"}, "x").what == kind::same);
    f.now_us = 201;
    f.commit();
    CHECK(f.find({"a"}, "x").what == kind::unknown);
    CHECK(f.find({"c"}, "y").what == kind::same);
    CHECK(f.window.state().count() == 1);
    CHECK(f.window.state().evicted_early == 0);
    f.now_us = 301;
    f.commit();
    CHECK(f.window.state().count() == 0);
    CHECK(f.records() == 0);
}

TEST_CASE("the count takes the oldest first and is counted as early") {
    fixture f;
    f.bounds.count_max = 4;
    f.reopen();
    for (sequence n = 1; n <= 10; ++n)
        f.add("k" + std::to_string(n), "x", n);
    CHECK(f.window.state().count() == 4);
    CHECK(f.window.state().evicted_early == 6);
    CHECK(f.find({"k6"}, "x").what == kind::unknown);
    CHECK(f.find({"k7"}, "x").what == kind::same);
}

TEST_CASE("where their bytes are too many the oldest go, also after a restart") {
    fixture f;
    f.bounds.bytes_max = 1'000;
    f.reopen();
    for (sequence n = 1; n <= 100; ++n) {
        f.add("k" + std::to_string(n), "x", n);
        REQUIRE(f.window.stored_bytes() <= 1'000 + 100);
        if (n == 50) f.reopen();
    }
    CHECK(f.window.state().evicted_early > 80);
    CHECK(f.find({"k100"}, "x").what == kind::same);
    CHECK(f.find({"k50"}, "x").what == kind::unknown);
    std::uint64_t stored = 0;
    REQUIRE(f.group->scan({}, [&](auto, auto value) { return (stored += value.size()) > 0; }).ok());
    CHECK(f.window.stored_bytes() == stored);
    f.remember({"more"}, "x", 101);
    f.roll_back();
    CHECK(f.window.stored_bytes() == stored);
}

TEST_CASE("small runs are merged, and nothing is forgotten by it") {
    fixture f({16, 64, 16, 8});
    for (sequence n = 1; n <= 500; ++n)
        f.add("k" + std::to_string(n), "x", n);
    CHECK(f.records() < 500 / 16 + 8 + 2);
    for (int reopened = 0; reopened < 2; ++reopened) {
        for (sequence n = 1; n <= 500; ++n)
            REQUIRE(f.find({"k" + std::to_string(n)}, "x").original == n);
        f.reopen();
    }
}

TEST_CASE("an event remembered for an earlier one keeps its number") {
    fixture f;
    f.add("a", "x", 5);
    f.add("late", "z", 1);
    CHECK(f.find({"late"}, "z").original == 1);
}

TEST_CASE("an aborted group leaves no trace") {
    fixture f;
    f.add("before", "x", 1);
    f.remember({"a"}, "x", 2);
    f.roll_back();
    CHECK(f.find({"a"}, "x").what == kind::unknown);
    CHECK(f.find({"before"}, "x").what == kind::same);
    f.add("b", "y", 2);
    CHECK(f.find({"a"}, "x").what == kind::unknown);
    CHECK(f.find({"b"}, "y").what == kind::same);
}

TEST_CASE("groups that are refused again and again leave the table as it was") {
    fixture f;
    f.add("before", "x", 1);
    const std::size_t bytes = f.window.memory_bytes();
    for (int again = 0; again < 200; ++again) {
        for (int i = 0; i < 1'000; ++i)
            f.remember({"k" + std::to_string(again % 2 * 1'000 + i)}, "x", 2);
        f.group.reset();
        f.window.roll_back();
        f.begin();
    }
    // 200 000 leftovers would not have found a place in it.
    CHECK(f.window.maintain(*f.group, 0).ok());
    CHECK(f.window.memory_bytes() == bytes);
    CHECK_FALSE(f.window.crowded());
    CHECK(f.find({"before"}, "x").what == kind::same);
    CHECK(f.find({"k1"}, "x").what == kind::unknown);
}

TEST_CASE("a damaged entry is an error, not an unknown key") {
    fixture f;
    f.add("a", "x", 1);
    f.group.reset();
    const auto all = f.store.read_all();
    std::string damaged = all.begin()->second;
    damaged.back() = static_cast<char>(damaged.back() ^ 1);
    f.store.plant(all.begin()->first, damaged);
    f.begin();
    CHECK(f.window.find(*f.group, keys_of({"a"}), content_of("x")).failure().code == errc::corrupt);
}

TEST_CASE("a damaged or missing run is found when the window is opened") {
    fixture f;
    for (sequence n = 1; n <= 3; ++n)
        f.add("k" + std::to_string(n), "x", n);
    f.group.reset();
    const auto all = f.store.read_all();
    const std::string key = std::next(all.begin(), GENERATE(0, 1, 2))->first;
    SECTION("missing") {
        f.store.remove(key);
    }
    SECTION("damaged") {
        std::string damaged = all.at(key);
        damaged[20] = static_cast<char>(damaged[20] ^ 4); // in its digests
        f.store.plant(key, damaged);
    }
    SECTION("cut short") {
        f.store.plant(key, all.at(key).substr(0, 20));
    }
    SECTION("under another ordinal") {
        f.store.plant(key,
                      all.at(key == all.begin()->first ? all.rbegin()->first : all.begin()->first));
    }
    auto reader = std::move(*f.store.begin_read());
    CHECK(f.window.open(*reader, f.committed, f.bounds).failure().code == errc::corrupt);
}

TEST_CASE("the window grows through every size of its table") {
    fixture f;
    f.bounds.count_max = 200'000;
    f.reopen();
    sequence number = 0;
    for (int group = 0; group < 60; ++group) {
        for (int i = 0; i < 2'000; ++i) {
            ++number;
            f.remember({"k" + std::to_string(number)}, "x", number);
        }
        f.commit();
    }
    for (sequence n = 1; n <= number; ++n)
        REQUIRE(f.find({"k" + std::to_string(n)}, "x").original == n);
    for (sequence n = 1; n <= number; ++n)
        REQUIRE(f.find({"new " + std::to_string(n)}, "x").what == kind::unknown);
    f.reopen();
    for (sequence n = 1; n <= number; n += 7)
        REQUIRE(f.find({"k" + std::to_string(n)}, "x").original == n);
}

TEST_CASE("a store without room for a merged run takes groups all the same, and merges later") {
    fixture f({16, 64, 32, 8});
    f.add("0", "x", 1);
    std::size_t most = 0;
    std::size_t refused = 0;
    sequence number = 1;
    const auto group = [&] {
        ++number;
        f.remember({std::to_string(number)}, "x", number);
        auto kept = f.window.maintain(*f.group, f.now_us);
        if (kept.ok()) {
            REQUIRE(f.window.write(*f.group, f.now_us).ok());
            REQUIRE(f.group->commit().outcome == commit_outcome::durable);
            f.window.keep();
            f.committed = f.window.state();
        } else {
            CHECK(kept.failure().code == errc::no_space);
            ++refused;
            f.window.roll_back();
        }
        f.begin();
        most = std::max(most, f.records());
    };
    f.store.refuse_put_after(7); // the first one of the group that merges
    for (int i = 0; i < 100; ++i)
        group();
    CHECK(refused == 1);
    CHECK(most > 50); // they wait as they are
    for (int i = 0; i < 400; ++i)
        group();
    CHECK(refused == 1);
    CHECK(f.records() < 40);
}
