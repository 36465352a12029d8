// The LMDB store itself: opening, locking, bounds.
#include "gateway/platform/lmdb_store.hpp"
#include "tests/integration/journal/child.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <fstream>

using namespace wharf;
using namespace wharf::test;

namespace {

constexpr std::uint64_t k_size_bytes = 16 * 1024 * 1024;

std::unique_ptr<store> open_at(const temporary_folder& in, std::uint64_t bytes = k_size_bytes) {
    auto opened = open_lmdb({in.journal(), bytes});
    if (!opened.ok()) FAIL(opened.failure().message);
    return std::move(*opened);
}

void put(store& in, const std::string& key, const std::string& value) {
    auto writer = in.begin_write();
    REQUIRE(writer.ok());
    REQUIRE((*writer)->put(key, value).ok());
    REQUIRE((*writer)->commit().outcome == commit_outcome::durable);
}

} // namespace

TEST_CASE("what was committed is there after closing, what was not is not") {
    temporary_folder in;
    {
        auto store = open_at(in);
        put(*store, "a", "1");
        auto writer = store->begin_write();
        REQUIRE((*writer)->put("b", "2").ok());
    }
    auto store = open_at(in);
    auto reader = store->begin_read();
    CHECK((*reader)->get("a")->value() == "1");
    CHECK_FALSE((*reader)->get("b")->has_value());
}

TEST_CASE("scans go forwards from a key and backwards before one") {
    temporary_folder in;
    auto store = open_at(in);
    for (const char* key : {"b", "d", "f"})
        put(*store, key, "");
    auto reader = store->begin_read();
    auto forwards = [&](const std::string& from) {
        std::string seen;
        REQUIRE(
            (*reader)->scan(from, [&](auto key, auto) { return !seen.append(key).empty(); }).ok());
        return seen;
    };
    auto backwards = [&](const std::string& before) {
        std::string seen;
        REQUIRE((*reader)
                    ->scan_back(before, [&](auto key, auto) { return !seen.append(key).empty(); })
                    .ok());
        return seen;
    };
    CHECK(forwards("") == "bdf");
    CHECK(forwards("c") == "df");
    CHECK(forwards("d") == "df");
    CHECK(forwards("g").empty());
    CHECK(backwards("d") == "b");
    CHECK(backwards("e") == "db");
    CHECK(backwards("z") == "fdb");
    CHECK(backwards("a").empty());
}

TEST_CASE("a second writer is refused, a reader is not") {
    temporary_folder in;
    auto store = open_at(in);
    put(*store, "a", "1");
    auto second = open_lmdb({in.journal(), k_size_bytes});
    REQUIRE_FALSE(second.ok());
    CHECK(second.failure().code == errc::conflict);
    CHECK_THAT(second.failure().message, Catch::Contains("another process has the journal open"));
    // In a process of its own, as LMDB asks for: it finds the store open and no journal in it.
    const auto reader = run_child(in, {"verify", in.journal()});
    CHECK(reader.exit_code == 3);
    CHECK_THAT(reader.words, Catch::Contains("no journal here"));
    const auto writer = run_child(in, {"check", in.journal()});
    CHECK(writer.exit_code == 3);
    CHECK_THAT(writer.words, Catch::Contains("another process has the journal open"));
}

TEST_CASE("the file is allocated in full, and a smaller quota than is used is refused") {
    temporary_folder in;
    {
        auto store = open_at(in);
        CHECK(std::filesystem::file_size(in.data()) >= k_size_bytes);
        CHECK(store->usage()->bytes_max == k_size_bytes);
        for (int i = 0; i < 30; ++i)
            put(*store, std::to_string(i), std::string(100'000, 'x'));
        CHECK(store->usage()->bytes_used > 3'000'000);
    }
    auto small = open_lmdb({in.journal(), 1024 * 1024});
    REQUIRE_FALSE(small.ok());
    CHECK(small.failure().code == errc::invalid);
    CHECK_THAT(small.failure().message, Catch::Contains("more than the configured size"));
    CHECK(open_at(in, 2 * k_size_bytes)->usage()->bytes_max == 2 * k_size_bytes);
}

// LMDB writes to it through a memory map: without blocks a full disk would be SIGBUS.
TEST_CASE("the table of readers has its blocks, also where a power cut took them") {
    temporary_folder in;
    const std::string table = in.journal() + "/lock.mdb";
    const auto blocks = [&] {
        struct stat is {};
        REQUIRE(::stat(table.c_str(), &is) == 0);
        return is.st_blocks * 512;
    };
    open_at(in);
    CHECK(blocks() >= 8192);
    std::filesystem::resize_file(table, 0);
    std::filesystem::resize_file(table, 8192);
    REQUIRE(blocks() == 0);
    open_at(in);
    CHECK(blocks() >= 8192);
}

TEST_CASE("a full map says no space, changes nothing, and deleting makes room again") {
    temporary_folder in;
    auto store = open_at(in, 1024 * 1024);
    int kept = 0;
    for (;; ++kept) {
        auto writer = store->begin_write();
        auto written = (*writer)->put(std::to_string(kept), std::string(10'000, 'x'));
        if (!written.ok()) {
            CHECK(written.failure().code == errc::no_space);
            break;
        }
        if ((*writer)->commit().outcome == commit_outcome::no_space) break;
        REQUIRE(kept < 1000);
    }
    CHECK(kept > 30);
    {
        auto reader = store->begin_read();
        CHECK_FALSE((*reader)->get(std::to_string(kept))->has_value());
        CHECK((*reader)->get(std::to_string(kept - 1))->has_value());
    }
    const auto used = store->usage()->bytes_used;
    for (int i = 0; i < kept - 5; ++i) {
        auto writer = store->begin_write();
        auto erased = (*writer)->erase(std::to_string(i));
        if (erased.ok()) (*writer)->commit();
    }
    CHECK(store->usage()->bytes_used < used);
    put(*store, "new", std::string(10'000, 'x'));
}

TEST_CASE("a copied journal can be read where nothing may be written") {
    temporary_folder in;
    REQUIRE(run_child(in, {"commit", in.journal(), "3"}).exit_code == 0);
    temporary_folder copy;
    std::filesystem::create_directory(copy.journal());
    std::filesystem::copy_file(in.data(), copy.data());
    const auto read = run_child(copy, {"verify", copy.journal()});
    INFO(read.words);
    CHECK(read.exit_code == 0);
}

TEST_CASE("reading where there is no journal says so") {
    temporary_folder in;
    const auto read = run_child(in, {"verify", in.journal()});
    CHECK(read.exit_code == 3);
    CHECK_THAT(read.words, Catch::Contains("No such file"));
}
