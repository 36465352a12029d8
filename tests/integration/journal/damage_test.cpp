// A damaged file: always words, never silence, and never a wrong answer that looks right.
#include "tests/integration/journal/child.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <fstream>
#include <random>

using namespace wharf::test;

namespace {

namespace fs = std::filesystem;

void make(const temporary_folder& in) {
    REQUIRE(run_child(in, {"commit", in.journal(), "40"}).exit_code == 0);
}

void flip(const std::string& path, std::uint64_t at, int bit) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char before = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(before ^ (1 << bit)));
}

// An error in words, or a death that left words: anything but silence.
void check_words(const outcome& run) {
    INFO("exit " << run.exit_code << ", signal " << run.signal << ": " << run.words);
    REQUIRE(run.signal != SIGALRM);
    REQUIRE(run.signal != SIGKILL);
    if (run.exit_code == 0) return;
    REQUIRE_THAT(run.words, Catch::Contains("wharf: "));
}

} // namespace

TEST_CASE("a truncated, emptied or removed file is refused with words") {
    temporary_folder in;
    make(in);
    std::string expected;
    SECTION("truncated") {
        fs::resize_file(in.data(), 5 * 4096);
        expected = "is truncated";
    }
    SECTION("cut inside its first page") {
        fs::resize_file(in.data(), 100);
        expected = "open ";
    }
    SECTION("emptied") {
        fs::resize_file(in.data(), 0);
        expected = "is empty, though a journal was made here";
    }
    SECTION("removed") {
        fs::remove(in.data());
        expected = "is gone, though a journal was made here";
    }
    SECTION("overwritten") {
        std::ofstream(in.data(), std::ios::binary) << std::string(64 * 1024, 'x');
        expected = "open ";
    }
    const auto run = run_child(in, {"check", in.journal()});
    INFO(run.words);
    CHECK(run.exit_code == 3);
    CHECK_THAT(run.words, Catch::Contains(expected));
    CHECK(run.numbers("event").empty());
}

TEST_CASE("flipped bits anywhere are found with words, or touch nothing that is read") {
    temporary_folder in;
    make(in);
    const std::string good = (in.root() / "good").string();
    fs::copy_file(in.data(), good);
    std::mt19937 random(20260102);
    const std::uint64_t used = 40 * 4096; // the pages that forty groups use
    int found = 0;
    for (int round = 0; round < 200; ++round) {
        fs::copy_file(good, in.data(), fs::copy_options::overwrite_existing);
        const std::uint64_t at = round < 60 ? random() % (2 * 4096) : random() % used;
        flip(in.data(), at, static_cast<int>(random() % 8));
        const auto verified = run_child(in, {"verify", in.journal()});
        INFO("byte " << at);
        check_words(verified);
        const auto checked = run_child(in, {"check", in.journal()});
        check_words(checked);
        if (verified.exit_code != 0) ++found;
        // What says "ok" has every event as it was sent, of the last commit or (where the newer
        // meta page was hit) of the one before.
        if (checked.exit_code == 0) {
            CHECK(checked.number("ok") >= 39);
            CHECK(checked.numbers("event").size() == checked.number("ok"));
        }
    }
    CHECK(found > 10);
}

TEST_CASE("a page that the file lacks while it is read ends with words") {
    temporary_folder in;
    make(in);
    const auto size = fs::file_size(in.data());
    fs::resize_file(in.data(), 2 * 4096 + 4096);
    fs::resize_file(in.data(), size); // of full length again, its pages are zeros
    const auto run = run_child(in, {"check", in.journal()});
    check_words(run);
    CHECK(run.exit_code != 0);
}
