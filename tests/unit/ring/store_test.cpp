// The ring_store as a store: what readers and writers see, checkpoints, the direct path, on and
// off.
#include "tests/unit/ring/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

namespace {

constexpr std::int64_t k_second_us = 1'000'000;

std::optional<std::string> value_of(store_reader& in, std::string_view key) {
    auto found = in.get(key);
    REQUIRE(found.ok());
    if (!*found) return std::nullopt;
    return std::string(**found);
}

std::vector<std::string> keys_from(store_reader& in, std::string_view from, std::size_t count) {
    std::vector<std::string> out;
    REQUIRE(in.scan(from, [&](std::string_view key, std::string_view) {
                  out.emplace_back(key);
                  return out.size() < count;
              }).ok());
    return out;
}

std::vector<std::string> keys_before(store_reader& in, std::string_view before, std::size_t count) {
    std::vector<std::string> out;
    REQUIRE(in.scan_back(before, [&](std::string_view key, std::string_view) {
                  out.emplace_back(key);
                  return out.size() < count;
              }).ok());
    return out;
}

} // namespace

TEST_CASE("scans merge three layers in both directions, erased keys hidden") {
    ring_rig at;
    at.open();
    at.commit({{"a", "below"}, {"c", "below"}, {"e", "below"}, {"g", "below"}});
    REQUIRE(at.store().checkpoint().ok());
    at.commit({{"b", "ring"}, {"c", "ring"}, {"e", std::nullopt}, {"h", "ring"}});
    auto writer = at.store().begin_write();
    REQUIRE((*writer)->put("d", "mine").ok());
    REQUIRE((*writer)->put("e", "mine").ok());
    REQUIRE((*writer)->erase("h").ok());
    REQUIRE((*writer)->erase("a").ok());
    REQUIRE((*writer)->erase("nothing").ok());
    using keys = std::vector<std::string>;
    CHECK(keys_from(**writer, "", 99) == keys{"b", "c", "d", "e", "g"});
    CHECK(keys_from(**writer, "c", 2) == keys{"c", "d"});
    CHECK(keys_from(**writer, "cc", 2) == keys{"d", "e"});
    CHECK(keys_before(**writer, "z", 99) == keys{"g", "e", "d", "c", "b"});
    CHECK(keys_before(**writer, "e", 1) == keys{"d"});
    CHECK(keys_before(**writer, "b", 1).empty());
    CHECK(value_of(**writer, "c") == "ring");
    CHECK(value_of(**writer, "e") == "mine");
    CHECK_FALSE(value_of(**writer, "h"));
    writer->reset(); // nothing of it happened
    CHECK(at.read_all() == at.expected);
}

TEST_CASE("the ring's position is nobody's business") {
    ring_rig at;
    at.open();
    at.put("A", "header");
    REQUIRE(at.store().checkpoint().ok());
    CHECK(at.below.read_all().contains("@"));
    auto reader = at.store().begin_read();
    CHECK(keys_from(**reader, "", 9) == std::vector<std::string>{"A"});
    CHECK(keys_from(**reader, "@", 9) == std::vector<std::string>{"A"});
    CHECK(keys_before(**reader, "A", 9).empty());
    CHECK_FALSE(value_of(**reader, "@"));
    auto writer = at.store().begin_write();
    CHECK_FALSE(value_of(**writer, "@"));
    REQUIRE((*writer)->put("B", text(20'000)).ok()); // direct from here on
    CHECK_FALSE(value_of(**writer, "@"));
    CHECK(keys_from(**writer, "", 9) == std::vector<std::string>{"A", "B"});
}

TEST_CASE("a reader sees its moment over commits, checkpoints and the direct path") {
    ring_rig at;
    at.open();
    at.put("a", "1");
    REQUIRE(at.store().checkpoint().ok());
    at.commit({{"b", "1"}, {"a", "2"}});
    auto reader = at.store().begin_read();
    const plain_map then = at.expected;
    auto view = (*reader)->get("a");
    auto check = [&] {
        CHECK(read_forward(**reader) == then);
        CHECK(read_backward(**reader) == then);
        CHECK(**view == "2");
    };
    at.commit({{"a", "3"}, {"b", std::nullopt}, {"c", "3"}});
    check();
    REQUIRE(at.store().checkpoint().ok());
    check();
    at.commit({{"a", "4"}, {"d", "4"}});
    check();
    at.commit({{"a", text(20'000)}, {"b", "5"}});
    CHECK(at.store().traffic().direct_commits == 1);
    check();
    CHECK(at.read_all() == at.expected);
}

TEST_CASE("a reader that begins in the middle of a checkpoint or a direct commit sees one moment") {
    for (std::string what : {"checkpoint", "direct"}) {
        ring_rig at;
        at.open();
        at.commit({{"a", "1"}, {"b", "1"}});
        // The generation is taken, then the commit below happens, then the transaction begins.
        at.below.before_begin_read([&] {
            at.below.before_begin_read(nullptr);
            if (what == "checkpoint")
                REQUIRE(at.store().checkpoint().ok());
            else
                at.commit({{"a", std::nullopt}, {"b", text(20'000)}, {"c", "2"}});
        });
        auto begun = at.store().begin_read();
        REQUIRE(begun.ok());
        plain_map seen = read_forward(**begun);
        CHECK(seen == at.expected);
        CHECK(read_backward(**begun) == at.expected);
    }
}

TEST_CASE("a reader with an older view looks below for what went past the ring") {
    ring_rig at;
    at.open();
    at.put("a", "1");
    at.below.before_begin_read([&] {
        at.below.before_begin_read(nullptr);
        at.put("a", "2");                      // in the ring, not in the reader's view
        REQUIRE(at.store().checkpoint().ok()); // ... but below when it begins
        at.put("a", "3");
    });
    auto reader = at.store().begin_read();
    CHECK(value_of(**reader, "a") == "2");
}

TEST_CASE("a large group goes below at once, together with what waits") {
    ring_rig at;
    at.open();
    at.put("a", "1");
    std::size_t commits = at.below.commits();
    std::size_t writes = at.device.writes;
    at.commit({{"a", text(13'000)}, {"b", "2"}});
    CHECK(at.below.commits() == commits + 1);
    CHECK(at.device.writes == writes);
    CHECK_FALSE(at.store().waits_in_ring());
    at.power_cut();
    CHECK(at.read_all() == at.expected);
}

TEST_CASE("a commit ends the transaction, whoever still holds it") {
    ring_rig at;
    at.open();
    for (std::size_t bytes : {1UL, 13'000UL}) {
        auto writer = at.store().begin_write();
        REQUIRE((*writer)->put("a", text(bytes)).ok());
        REQUIRE((*writer)->commit().outcome == commit_outcome::durable);
        REQUIRE(at.store().checkpoint().ok());
        at.expected["a"] = text(bytes);
        at.put("b", "2");
    }
    CHECK(at.read_all() == at.expected);
}

TEST_CASE("a group that changes nothing writes nothing") {
    ring_rig at;
    at.open();
    std::size_t writes = at.device.writes;
    std::size_t commits = at.below.commits();
    auto writer = at.store().begin_write();
    CHECK((*writer)->commit().outcome == commit_outcome::durable);
    CHECK(at.device.writes == writes);
    CHECK(at.below.commits() == commits);
}

TEST_CASE("a checkpoint comes with time, with a half full ring, and with a clean stop") {
    ring_rig at;
    at.open();
    auto& now = at.now_us;
    now = 5 * k_second_us;
    REQUIRE(at.store().tick(now).ok());
    at.put("a", "1");
    std::size_t commits = at.below.commits();
    SECTION("time") {
        REQUIRE(at.store().tick(now + 9 * k_second_us).ok());
        CHECK(at.below.commits() == commits);
        REQUIRE(at.store().tick(now + 10 * k_second_us).ok());
        CHECK(at.below.commits() == commits + 1);
        CHECK_FALSE(at.store().waits_in_ring());
        REQUIRE(at.store().tick(now + 30 * k_second_us).ok());
        CHECK(at.below.commits() == commits + 1);
    }
    SECTION("half full") {
        for (int i = 0; i < 6; ++i) {
            at.put("a", std::to_string(i));
            REQUIRE(at.store().tick(now).ok());
        }
        CHECK(at.below.commits() == commits);
        at.put("a", "last");
        REQUIRE(at.store().tick(now).ok());
        CHECK(at.below.commits() == commits + 1);
    }
    SECTION("a clean stop") {
        REQUIRE(at.store().close().ok());
        CHECK(at.below.commits() == commits + 1);
        CHECK_FALSE(at.store().begin_write().ok());
        at.end();
        CHECK(at.below.read_all().at("a") == "1");
        // The ring is not needed any more.
        at.device.bytes.clear();
        at.open();
        CHECK(at.read_all() == at.expected);
    }
}

TEST_CASE("without a ring every group goes below, and what a ring held is there") {
    ring_rig at;
    at.open();
    at.put("a", "1");
    at.options.ring_bytes = 0;
    at.power_cut();
    CHECK(at.read_all() == at.expected);
    CHECK(at.device.bytes.empty());
    std::size_t commits = at.below.commits();
    at.put("b", "2");
    CHECK(at.below.commits() == commits + 1);
    at.power_cut();
    CHECK(at.read_all() == at.expected);
    at.options = small_ring();
    at.power_cut();
    commits = at.below.commits();
    at.put("c", "3");
    CHECK(at.below.commits() == commits);
    at.power_cut();
    CHECK(at.read_all() == at.expected);
}

TEST_CASE("a store that never had a ring stays as it was without one") {
    ring_rig at;
    at.options.ring_bytes = 0;
    at.open();
    at.put("a", "1");
    at.restart();
    CHECK_FALSE(at.below.read_all().contains("@"));
    CHECK(at.device.writes == 0);
}

TEST_CASE("a ring of another size or block takes over without loss") {
    ring_rig at;
    at.open();
    at.put("a", "1");
    SECTION("larger") {
        at.options.ring_bytes = 128 * 1024;
    }
    SECTION("smaller") {
        at.options.ring_bytes = 32 * 1024;
    }
    SECTION("blocks") {
        at.options.block_bytes = 512;
    }
    at.power_cut();
    CHECK(at.device.bytes.size() == at.options.ring_bytes);
    at.put("b", "2");
    CHECK(at.device.last_written.size() == at.options.block_bytes);
    at.power_cut();
    CHECK(at.read_all() == at.expected);
}

TEST_CASE("looking only reads: the ring's content is there and nothing is written") {
    ring_rig at;
    at.open();
    at.put("a", "1");
    REQUIRE(at.store().checkpoint().ok());
    at.commit({{"a", "2"}, {"b", "2"}});
    at.end();
    std::string device = at.device.bytes;
    std::size_t commits = at.below.commits();
    {
        auto looking = ring_store::open_read_only(at.below, &at.device);
        REQUIRE(looking.ok());
        auto reader = (*looking)->begin_read();
        CHECK(read_forward(**reader) == at.expected);
        CHECK_FALSE((*looking)->begin_write().ok());
        // The writer comes back meanwhile: its checkpoint is seen, not what was replayed.
        ring_rig later;
        auto writer = ring_store::open(at.below, at.device, later.random, at.options);
        REQUIRE(writer.ok());
        auto group = (*writer)->begin_write();
        REQUIRE((*group)->put("a", text(20'000)).ok());
        REQUIRE((*group)->commit().outcome == commit_outcome::durable);
        auto again = (*looking)->begin_read();
        CHECK(value_of(**again, "a") == text(20'000));
        CHECK(read_forward(**reader) == at.expected);
        commits = at.below.commits();
        device = at.device.bytes;
    }
    auto last = ring_store::open_read_only(at.below, nullptr);
    auto reader = (*last)->begin_read();
    CHECK(value_of(**reader, "b") == "2");
    CHECK(at.below.commits() == commits);
    CHECK(at.device.bytes == device);
}

TEST_CASE("what came before the first tick waits its time too") {
    ring_rig at;
    at.open();
    at.put("a", "1");
    REQUIRE(at.store().tick(1000 * k_second_us).ok());
    CHECK(at.store().waits_in_ring());
    REQUIRE(at.store().tick(1010 * k_second_us).ok());
    CHECK_FALSE(at.store().waits_in_ring());
}
