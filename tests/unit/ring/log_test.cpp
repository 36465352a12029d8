// Records: what a torn, stale, foreign or damaged one does to the next start.
#include "gateway/base/bytes.hpp"
#include "tests/unit/ring/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

namespace {

constexpr std::size_t k_block = 4096;

// Three blocks in one record.
changes big(const std::string& key) {
    return {{key, text(9000)}};
}

} // namespace

TEST_CASE("a group is one durable write, and is there after a power cut") {
    ring_rig at;
    at.open();
    std::size_t writes = at.device.writes;
    std::size_t commits = at.below.commits();
    at.commit({{"E1", "one"}, {"B", "books"}});
    CHECK(at.device.writes == writes + 1);
    CHECK(at.below.commits() == commits);
    CHECK(at.device.last_written.size() == k_block);
    CHECK_FALSE(at.below.read_all().contains("E1"));
    at.power_cut();
    CHECK(at.read_all() == at.expected);
    CHECK(at.below.read_all().contains("E1"));
}

TEST_CASE("a torn record is the end: whichever of its blocks arrived") {
    for (std::uint64_t mask = 0; mask < 8; ++mask) {
        INFO("blocks that arrived: " << mask);
        ring_rig at;
        at.open();
        at.put("E1", "one");
        at.device.fail_next(leave_blocks(mask, k_block));
        CHECK(at.try_commit(big("E2")).outcome == commit_outcome::unknown);
        CHECK_FALSE(at.store().begin_write().ok());
        if (mask == 7) merge_into(at.expected, big("E2"));
        at.power_cut();
        CHECK(at.read_all() == at.expected);
        at.put("E3", "three");
        at.power_cut();
        CHECK(at.read_all() == at.expected);
    }
}

TEST_CASE("a torn record of blocks of 512 bytes is the end") {
    ring_options with = small_ring();
    with.block_bytes = 512;
    for (std::uint64_t mask = 0; mask < 64; ++mask) {
        ring_rig at(with);
        at.open();
        at.put("E1", "one");
        changes last{{"E2", text(5 * 512)}}; // six blocks
        at.device.fail_next(leave_blocks(mask, 512));
        CHECK(at.try_commit(last).outcome == commit_outcome::unknown);
        CHECK(at.device.last_written.size() == std::size_t{6} * 512);
        if (mask == 63) merge_into(at.expected, last);
        at.power_cut();
        CHECK(at.read_all() == at.expected);
    }
}

TEST_CASE("one wrong byte anywhere in the last record makes it the end, not a wrong group") {
    ring_rig base;
    base.open();
    base.put("E1", "one");
    plain_map before = base.expected;
    base.put("E2", text(100));
    const auto at = static_cast<std::size_t>(base.device.last_offset);
    const std::size_t used = k_record_header_bytes + 1 + 2 + 2 + 4 + 100;
    for (std::size_t i = 0; i < used; ++i) {
        INFO("byte " << i);
        ring_rig copy;
        copy.open();
        copy.put("E1", "one");
        copy.put("E2", text(100));
        copy.device.bytes[at + i] = static_cast<char>(copy.device.bytes[at + i] ^ 0x10);
        copy.power_cut();
        CHECK(copy.read_all() == before);
    }
}

TEST_CASE("a damaged record before others is damage, not the end") {
    ring_rig at;
    at.open();
    at.put("E1", "one");
    const auto first = static_cast<std::size_t>(at.device.last_offset);
    at.put("E2", "two");
    at.device.bytes[first + 50] ^= 1;
    at.end();
    auto before = at.below.read_all();
    auto opened = at.try_open();
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.failure().code == errc::corrupt);
    CHECK(at.below.read_all() == before);
    at.device.bytes[first + 50] ^= 1;
    at.open();
    CHECK(at.read_all() == at.expected);
}

TEST_CASE("a ring that is gone, empty, foreign or of another size is damage") {
    ring_rig at;
    at.open();
    at.put("E1", "one");
    at.end();
    const std::string good = at.device.bytes;
    std::string bad;
    SECTION("gone") {}
    SECTION("zeros") {
        bad.assign(good.size(), '\0');
    }
    SECTION("cut off") {
        bad = good.substr(0, good.size() / 2);
    }
    SECTION("first block damaged") {
        bad = good;
        bad[9] ^= 1;
    }
    SECTION("another journal's") {
        ring_rig other;
        other.random.next();
        other.open();
        other.put("E1", "other");
        other.end();
        bad = other.device.bytes;
    }
    at.device.bytes = bad;
    auto opened = at.try_open();
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.failure().code == errc::corrupt);
    CHECK(at.device.bytes == bad);
    at.device.bytes = good;
    at.open();
    CHECK(at.read_all() == at.expected);
}

TEST_CASE("records are found over many laps, whatever is left at the end of each") {
    for (std::size_t bytes : {10UL, 3000UL, 4100UL, 9000UL}) {
        ring_rig at;
        at.open();
        for (int i = 0; i < 200; ++i) {
            at.put("E" + std::to_string(i % 7), text(bytes + i, static_cast<char>('a' + i % 26)));
            if (i % 5 == 3) REQUIRE(at.store().checkpoint().ok());
            if (i % 11 == 7) at.power_cut();
            REQUIRE(at.read_all() == at.expected);
        }
        CHECK(at.store().traffic().direct_commits == 0);
    }
}

TEST_CASE("a ring that fills up sends groups below, and goes on") {
    ring_rig at;
    at.open();
    for (int i = 0; i < 100; ++i) {
        at.put("E" + std::to_string(i), "x");
        if (i % 13 == 0) at.power_cut();
        REQUIRE(at.read_all() == at.expected);
    }
    CHECK(at.store().traffic().ring_records > 0);
    for (int i = 0; i < 40; ++i)
        at.put("F" + std::to_string(i), "x");
    CHECK(at.store().traffic().direct_commits > 0);
}

TEST_CASE("what looks like a record inside a value is none") {
    ring_rig at;
    at.open();
    at.put("E1", "one");
    const std::string image = at.device.last_written;
    // As a client could send it, at every place of the record where a block may begin.
    std::string value = text(k_block - k_record_header_bytes - 9) + image + image + text(20);
    at.commit({{"E2", value}});
    REQUIRE(at.device.last_written.find(image) % k_block == 0);
    at.power_cut();
    CHECK(at.read_all() == at.expected);
    at.put("E3", "three");
    at.power_cut();
    CHECK(at.read_all() == at.expected);
}

TEST_CASE("records of an epoch before are not read again") {
    ring_rig at;
    at.open();
    for (int i = 0; i < 5; ++i)
        at.put("E", std::to_string(i));
    at.power_cut(); // all below; five records of the first epoch lie before the head
    const std::string stale = at.device.bytes;
    at.put("E", "new");
    at.end();
    // The first block after the head gets a copy of each stale record in turn.
    for (std::size_t block = 1; block <= 5; ++block) {
        const auto head = static_cast<std::size_t>(at.device.last_offset) + k_block;
        at.device.bytes.replace(head, k_block, stale, block * k_block, k_block);
        at.below.restart();
        at.open();
        CHECK(at.read_all() == at.expected);
        at.put("E", "new again");
        at.end();
    }
}

TEST_CASE("an older copy of the store beside a newer ring is refused") {
    ring_rig at;
    at.open();
    at.put("E1", "one");
    REQUIRE(at.store().close().ok());
    at.end();
    auto old = at.below.read_all();
    SECTION("a position of another epoch") {
        at.open();
    }
    at.open();
    at.put("E2", "two");
    at.end();
    at.below.plant(std::string(k_ring_position_key), old.at(std::string(k_ring_position_key)));
    auto opened = at.try_open();
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.failure().code == errc::corrupt);
    // Without the ring file the operator goes on with the copy.
    at.device.bytes.clear();
    at.open();
}

TEST_CASE("a damaged position is damage, a newer one is not understood") {
    ring_rig at;
    at.open();
    at.end();
    std::string good = at.below.read_all().at("@");
    for (std::size_t i = 0; i < good.size(); ++i) {
        std::string bad = good;
        bad[i] = static_cast<char>(bad[i] ^ 4);
        at.below.plant("@", bad);
        auto opened = at.try_open();
        REQUIRE_FALSE(opened.ok());
        CHECK(opened.failure().code == errc::corrupt);
    }
    CHECK(decode_position(good).ok());
    CHECK_FALSE(decode_position(good + "x").ok());
}
