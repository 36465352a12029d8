// The ring as a file, and the journal's store of both layers over real files.
#include "gateway/platform/journal_store.hpp"
#include "gateway/platform/ring_file.hpp"
#include "gateway/platform/system_clock.hpp"
#include "tests/integration/journal/child.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <random>

using namespace wharf;
using namespace wharf::test;

namespace {

namespace fs = std::filesystem;

std::string ring_of(const temporary_folder& in) {
    return in.journal() + "/ring";
}

journal_store_options options_of(const temporary_folder& in, std::uint32_t ring_mb = 4) {
    journal_store_options out;
    out.lmdb = {in.journal(), 16 * 1024 * 1024};
    out.ring.ring_bytes = std::uint64_t{ring_mb} << 20;
    return out;
}

std::unique_ptr<store> opened(const journal_store_options& with) {
    system_random random;
    auto made = open_journal_store(with, random);
    if (!made.ok()) FAIL(made.failure().message);
    return std::move(made->over);
}

commit_result put(store& to, const std::string& key, const std::string& value) {
    auto writer = to.begin_write();
    REQUIRE(writer.ok());
    if (auto done = (*writer)->put(key, value); !done.ok())
        return {commit_outcome::no_space, done.failure().message};
    return (*writer)->commit();
}

std::optional<std::string> value_of(store& in, const std::string& key) {
    auto reader = in.begin_read();
    auto found = (*reader)->get(key);
    REQUIRE(found.ok());
    if (!*found) return std::nullopt;
    return std::string(**found);
}

} // namespace

TEST_CASE("a ring file keeps what was written, and is made anew as zeros") {
    temporary_folder in;
    fs::create_directory(in.journal());
    auto file = std::move(*ring_file::open(ring_of(in), ring_file::access::read_write));
    CHECK(file->size_bytes() == 0);
    REQUIRE(file->recreate(1 << 20).ok());
    CHECK(file->size_bytes() == 1 << 20);
    CHECK(*file->read(4096, 8192) == std::string(8192, '\0'));
    REQUIRE(file->write_durable(8192, std::string(4096, 'x')).ok());
    REQUIRE(file->write_durable(1 << 19, std::string(40 * 1024, 'y')).ok());
    CHECK(*file->read(8192, 4096) == std::string(4096, 'x'));
    file.reset();
    CHECK(fs::file_size(ring_of(in)) == 1 << 20);
    CHECK((fs::status(ring_of(in)).permissions() & fs::perms::all) ==
          (fs::perms::owner_read | fs::perms::owner_write));
    auto again = std::move(*ring_file::open(ring_of(in), ring_file::access::read_only));
    CHECK(*again->read(1 << 19, 40 * 1024) == std::string(40 * 1024, 'y'));
    again = std::move(*ring_file::open(ring_of(in), ring_file::access::read_write));
    REQUIRE(again->recreate(1 << 20).ok());
    CHECK(*again->read(8192, 4096) == std::string(4096, '\0'));
    REQUIRE(again->recreate(0).ok());
    CHECK_FALSE(fs::exists(ring_of(in)));
}

TEST_CASE("groups in the ring are there after a crash, with and without blocks of 512 bytes") {
    temporary_folder in;
    auto with = options_of(in);
    with.ring.block_bytes = GENERATE(512U, 4096U);
    {
        auto over = opened(with);
        for (int i = 0; i < 50; ++i)
            REQUIRE(put(*over, "E" + std::to_string(i), "value").outcome ==
                    commit_outcome::durable);
        CHECK(over->traffic().ring_records == 50);
        CHECK(over->traffic().ring_bytes == 50 * with.ring.block_bytes);
    } // without close(): as if it had been killed
    CHECK(fs::exists(ring_of(in)));
    auto over = opened(with);
    CHECK(value_of(*over, "E49") == "value");
    REQUIRE(over->close().ok());
}

TEST_CASE("who looks sees the ring's content, and of a live journal the last checkpoint") {
    temporary_folder in;
    auto over = opened(options_of(in));
    REQUIRE(put(*over, "E1", "one").outcome == commit_outcome::durable);
    {
        auto live = open_journal_store_read_only(in.journal());
        REQUIRE(live.ok());
        CHECK(live->live);
        CHECK_FALSE(value_of(*live->over, "E1"));
        REQUIRE(over->checkpoint().ok());
        CHECK(value_of(*live->over, "E1") == "one");
    }
    REQUIRE(put(*over, "E2", "two").outcome == commit_outcome::durable);
    over.reset();
    auto dead = open_journal_store_read_only(in.journal());
    REQUIRE(dead.ok());
    CHECK_FALSE(dead->live);
    CHECK(value_of(*dead->over, "E2") == "two");
    // Looking neither keeps the writer out nor changes what it finds.
    over = opened(options_of(in));
    CHECK(value_of(*over, "E2") == "two");
    CHECK(value_of(*dead->over, "E2") == "two");
}

TEST_CASE("a ring that is gone or damaged is refused with words, and stays refused") {
    temporary_folder in;
    {
        auto over = opened(options_of(in));
        REQUIRE(put(*over, "E1", "one").outcome == commit_outcome::durable);
    }
    std::string expected;
    SECTION("gone") {
        fs::remove(ring_of(in));
        expected = "the ring is gone";
    }
    SECTION("truncated") {
        fs::resize_file(ring_of(in), 1 << 20);
        expected = "not the one that belongs";
    }
    SECTION("overwritten") {
        std::ofstream(ring_of(in), std::ios::binary) << std::string(4 << 20, 'x');
        expected = "the ring is gone";
    }
    system_random random;
    for (int i = 0; i < 2; ++i) {
        auto refused = open_journal_store(options_of(in), random);
        REQUIRE_FALSE(refused.ok());
        CHECK(refused.failure().code == errc::corrupt);
        CHECK_THAT(refused.failure().message, Catch::Contains(expected));
    }
}

TEST_CASE("a journal made without a ring gets one, and may lose it again") {
    temporary_folder in;
    for (std::uint32_t ring_mb : {0U, 4U, 8U, 0U, 4U}) {
        auto over = opened(options_of(in, ring_mb));
        const std::string key = "E" + std::to_string(ring_mb);
        REQUIRE(put(*over, key, "value").outcome == commit_outcome::durable);
        CHECK(value_of(*over, "E0") == "value");
        CHECK(fs::exists(ring_of(in)) == (ring_mb != 0));
    }
}

TEST_CASE("over LMDB too, whatever the ring took fits below when it is full to the brim") {
    std::mt19937 random(11);
    temporary_folder in;
    const auto with = options_of(in);
    auto over = opened(with);
    std::map<std::string, std::string> expected;
    std::int64_t now_us = 0;
    int refused = 0;
    for (int i = 0; i < 6000; ++i) {
        const std::string key = "K" + std::to_string(random() % 20'000);
        const std::string value(random() % 6000, static_cast<char>('a' + i % 26));
        commit_result done = put(*over, key, value);
        REQUIRE(done.outcome != commit_outcome::unknown);
        if (done.outcome == commit_outcome::durable)
            expected[key] = value;
        else
            ++refused;
        REQUIRE(over->tick(now_us += 50'000).ok());
        if (i % 500 == 499) {
            over.reset();
            over = opened(with); // would fail where it did not fit
        }
    }
    CHECK(refused > 100);
    over.reset();
    over = opened(with);
    for (const auto& [key, value] : expected)
        REQUIRE(value_of(*over, key) == value);
}
