// Every write and sync of a commit fails in turn, and the process dies at each of them with the
// unsynced writes cut off: nothing acknowledged is ever missing.
#include "tests/integration/journal/child.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace wharf::test;

namespace {

constexpr int k_steps_max = 400;

// What was acknowledged is there, the books balance, every record checks out.
void check_nothing_lost(const temporary_folder& in, const outcome& run) {
    const auto acknowledged = run.numbers("ack");
    const auto after = run_child(in, {"check", in.journal()});
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
void make(const temporary_folder& in) {
    REQUIRE(run_child(in, {"commit", in.journal(), "0"}).exit_code == 0);
}

} // namespace

TEST_CASE("EIO at any write or sync of a commit ends the process with words, nothing is lost") {
    const std::string call = GENERATE("pwrite", "fdatasync", "meta");
    int ended = 0;
    for (int step = 1; step < k_steps_max; ++step) {
        temporary_folder in;
        make(in);
        const auto run = run_child(in, {"commit", in.journal(), "4"}, fault(call, "EIO", step));
        INFO(call << " " << step << ": " << run.out << run.words);
        if (run.exit_code == 0) {
            CHECK(run.numbers("ack").size() == 4);
            break; // every call has had its turn
        }
        ++ended;
        REQUIRE(run.exit_code == 3);
        REQUIRE_THAT(run.words, Catch::Contains("Input/output error"));
        check_nothing_lost(in, run);
    }
    CHECK(ended >= 5); // the first commit, the session's and one for each event
}

TEST_CASE("a meta page that cannot be written ends the process whatever the error") {
    const std::string what = GENERATE("ENOSPC", "SHORT");
    for (int step = 1; step <= 6; ++step) {
        temporary_folder in;
        make(in);
        const auto run = run_child(in, {"commit", in.journal(), "4"}, fault("meta", what, step));
        INFO(step << ": " << run.out << run.words);
        REQUIRE(run.exit_code == 3);
        REQUIRE_FALSE(run.words.empty());
        check_nothing_lost(in, run);
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

TEST_CASE("killed at any call, with what no sync covered cut off, the journal keeps its word") {
    const std::string moment = GENERATE("kill_before", "kill_after");
    const std::vector<std::vector<std::string>> cuts = {
        {"--keep", "none"},
        {"--keep", "all"},
        {"--keep", "random", "--seed", "7"},
        {"--keep", "random", "--torn", "--seed", "11"}};
    int killed = 0;
    for (int step = 1; step < k_steps_max; ++step) {
        temporary_folder in;
        make(in);
        const auto run =
            run_child(in, {"commit", in.journal(), "8"}, moment + ":any:" + std::to_string(step));
        INFO(moment << " " << step << ": " << run.out << run.words);
        if (run.signal == 0) break;
        ++killed;
        cut(in, cuts[static_cast<std::size_t>(step) % cuts.size()]);
        check_nothing_lost(in, run);
    }
    CHECK(killed > 20);
}

TEST_CASE("killed at any call while the journal is made, it is made again or goes on") {
    int killed = 0;
    for (int step = 1; step < k_steps_max; ++step) {
        temporary_folder in;
        std::filesystem::create_directory(in.journal());
        const auto run =
            run_child(in, {"commit", in.journal(), "1"}, "kill_after:any:" + std::to_string(step));
        INFO(step << ": " << run.out << run.words);
        if (run.signal == 0) break;
        ++killed;
        cut(in, {"--keep", "none"});
        check_nothing_lost(in, run);
    }
    CHECK(killed > 5);
}
