// Every write and sync of a commit fails in turn, and the process dies at each of them with the
// unsynced writes cut off: nothing acknowledged is ever missing.
#include "tests/integration/journal/child.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace wharf::test;

namespace {

constexpr int k_steps_max = 400;

std::vector<std::string> words(std::vector<std::string> of, bool ring) {
    if (ring) of.emplace_back("ring");
    return of;
}

// What was acknowledged is there, the books balance, every record checks out.
void check_nothing_lost(const temporary_folder& in, const outcome& run, bool ring = false) {
    const auto acknowledged = run.numbers("ack");
    const auto after = run_child(in, words({"check", in.journal()}, ring));
    INFO("acknowledged " << run.out << "found " << after.out << after.words);
    REQUIRE(after.exit_code == 0);
    const auto found = after.numbers("event");
    REQUIRE(found.size() == after.number("ok"));
    for (std::uint64_t n : acknowledged)
        REQUIRE(std::find(found.begin(), found.end(), n) != found.end());
    REQUIRE(found.size() <= acknowledged.size() + 1);
}

std::string fault(const std::string& call, const std::string& what, int step) {
    return call + ":" + what + ":" + std::to_string(step);
}

// The journal is made without faults: it is the commits that are to fail.
void make(const temporary_folder& in, bool ring = false) {
    REQUIRE(run_child(in, words({"commit", in.journal(), "0"}, ring)).exit_code == 0);
}

} // namespace

TEST_CASE("EIO at any write or sync of a commit ends the process with words, nothing is lost") {
    const std::string call = GENERATE("pwrite", "fdatasync", "meta");
    const bool ring = GENERATE(false, true);
    int ended = 0;
    for (int step = 1; step < k_steps_max; ++step) {
        temporary_folder in;
        make(in, ring);
        const auto run =
            run_child(in, words({"commit", in.journal(), "4"}, ring), fault(call, "EIO", step));
        INFO((ring ? "ring " : "") << call << " " << step << ": " << run.out << run.words);
        if (run.exit_code == 0) {
            CHECK(run.numbers("ack").size() == 4);
            break; // every call has had its turn
        }
        ++ended;
        REQUIRE(run.exit_code == 3);
        REQUIRE_THAT(run.words, Catch::Contains("Input/output error"));
        check_nothing_lost(in, run, ring);
    }
    // The first commit, the session's and one for each event; below the ring, opening and a
    // checkpoint.
    CHECK(ended >= (ring && call != "meta" ? 2 : 5));
}

TEST_CASE("a meta page or a record that cannot be written ends the process whatever the error") {
    const bool ring = GENERATE(false, true);
    const std::string what = GENERATE("ENOSPC", "SHORT");
    for (int step = 1; step <= 6; ++step) {
        temporary_folder in;
        make(in, ring);
        const auto run =
            run_child(in, words({"commit", in.journal(), "4"}, ring), fault("meta", what, step));
        INFO(step << ": " << run.out << run.words);
        REQUIRE(run.exit_code == 3);
        REQUIRE_FALSE(run.words.empty());
        check_nothing_lost(in, run, ring);
    }
}

TEST_CASE("ENOSPC while pages are written or synced is pushed back, tried again and survived") {
    const std::string call = GENERATE("pwrite", "fdatasync");
    int survived = 0;
    for (int step = 1; step < k_steps_max; ++step) {
        temporary_folder in;
        make(in);
        const auto run = run_child(in, {"commit", in.journal(), "4"}, fault(call, "ENOSPC", step));
        INFO(step << ": " << run.out << run.words);
        if (run.exit_code == 3) {
            // The first commit of a start has nobody to push back yet: it says so and is tried
            // again by who starts it.
            REQUIRE_THAT(run.words, Catch::Contains("No space left on device"));
            REQUIRE(run.numbers("ack").empty());
            check_nothing_lost(in, run);
            continue;
        }
        REQUIRE(run.exit_code == 0);
        REQUIRE(run.numbers("ack").size() == 4);
        check_nothing_lost(in, run);
        // Opening the store syncs too, and is tried again by itself.
        if (run.number("pushed back") > 0)
            ++survived;
        else if (survived > 0)
            break;
    }
    INFO(call);
    CHECK(survived >= 4);
}

TEST_CASE("ENOSPC at a checkpoint puts it off, and what waits in the ring is not lost") {
    const std::string call = GENERATE("pwrite", "fdatasync");
    int put_off = 0;
    for (int step = 1; step <= 12; ++step) {
        temporary_folder in;
        make(in, true);
        const auto run =
            run_child(in, {"commit", in.journal(), "9", "ring"}, fault(call, "ENOSPC", step) + "+");
        INFO(call << " " << step << ": " << run.out << run.words);
        REQUIRE((run.exit_code == 0 || run.exit_code == 3));
        if (run.exit_code == 0) {
            REQUIRE(run.numbers("ack").size() == 9);
            ++put_off;
        }
        check_nothing_lost(in, run, true);
    }
    CHECK(put_off > 0);
}

TEST_CASE("killed at any call, with what no sync covered cut off, the journal keeps its word") {
    const std::string moment = GENERATE("kill_before", "kill_after");
    const bool ring = GENERATE(false, true);
    const std::vector<std::vector<std::string>> cuts = {
        {"--keep", "none"},
        {"--keep", "all"},
        {"--keep", "random", "--seed", "7"},
        {"--keep", "random", "--torn", "--seed", "11"}};
    int killed = 0;
    for (int step = 1; step < k_steps_max; ++step) {
        temporary_folder in;
        make(in, ring);
        const auto run = run_child(in, words({"commit", in.journal(), "8"}, ring),
                                   moment + ":any:" + std::to_string(step));
        INFO(moment << " " << step << ": " << run.out << run.words);
        if (run.signal == 0) break;
        ++killed;
        cut(in, cuts[static_cast<std::size_t>(step) % cuts.size()]);
        check_nothing_lost(in, run, ring);
    }
    CHECK(killed > 20);
}

TEST_CASE("killed at any call while the journal is made, it is made again or goes on") {
    const bool ring = GENERATE(false, true);
    int killed = 0;
    for (int step = 1; step < k_steps_max; ++step) {
        temporary_folder in;
        std::filesystem::create_directory(in.journal());
        const auto run = run_child(in, words({"commit", in.journal(), "1"}, ring),
                                   "kill_after:any:" + std::to_string(step));
        INFO(step << ": " << run.out << run.words);
        if (run.signal == 0) break;
        ++killed;
        cut(in, {"--keep", "none"});
        check_nothing_lost(in, run, ring);
    }
    CHECK(killed > 5);
}
