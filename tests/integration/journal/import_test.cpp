// An import that is interrupted: by words, by a kill at any call, by a power cut. Whatever it is,
// the folder has no journal that opens, or the whole one.
#include "gateway/platform/journal_store.hpp"
#include "tests/integration/journal/child.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>

using namespace wharf;
using namespace wharf::test;

namespace {

namespace fs = std::filesystem;

constexpr int k_steps_max = 4000;
constexpr std::uint64_t k_events = 20;

// A journal whose last events are in its ring alone, as a killed gateway leaves it; and its export.
struct source {
    source() {
        const auto made = run_child(in, {"commit", in.journal(), std::to_string(k_events), "ring"});
        REQUIRE(made.exit_code == 0);
        const auto out = run_child(in, {"export", in.journal(), file()});
        INFO(out.words);
        REQUIRE(out.exit_code == 0);
    }
    [[nodiscard]] std::string file() const { return (in.root() / "export").string(); }
    temporary_folder in;
};

outcome import_into(const temporary_folder& in, const std::string& file,
                    const std::string& faults = {}) {
    return run_child(in, {"import", in.journal(), file}, faults);
}

void expect_whole(const temporary_folder& in) {
    const auto checked = run_child(in, {"check", in.journal()});
    INFO(checked.out << checked.words);
    REQUIRE(checked.exit_code == 0);
    CHECK(checked.numbers("event").size() == k_events);
    CHECK(checked.number("ok") == k_events);
    CHECK_FALSE(fs::exists(import_folder(in.journal()) + "/data.mdb"));
}

void expect_refused(const temporary_folder& in, const std::string& words) {
    const auto opened = run_child(in, {"check", in.journal()});
    INFO(opened.out << opened.words);
    CHECK(opened.exit_code == 3);
    CHECK_THAT(opened.words, Catch::Contains(words));
    CHECK_FALSE(fs::exists(in.data()));
}

} // namespace

TEST_CASE("an imported journal has what the ring of the exported one held, and goes on") {
    const source from;
    temporary_folder in;
    const auto got = import_into(in, from.file());
    INFO(got.words);
    REQUIRE(got.exit_code == 0);
    CHECK(got.numbers("step").size() == 7);
    expect_whole(in);
    CHECK(run_child(in, {"commit", in.journal(), "3"}).numbers("ack") ==
          std::vector<std::uint64_t>{k_events + 1, k_events + 2, k_events + 3});
    // A second one would replace it.
    const auto second = import_into(in, from.file());
    CHECK(second.exit_code == 3);
    CHECK_THAT(second.words, Catch::Contains("has a journal already"));
    CHECK(run_child(in, {"check", in.journal()}).number("ok") == k_events + 3);
}

TEST_CASE(
    "killed at any call, with the writes that were not synced, an import leaves nothing half") {
    const source from;
    const std::vector<std::vector<std::string>> cuts = {
        {"--keep", "none"}, {"--keep", "all"}, {"--keep", "random", "--torn", "--seed", "11"}};
    int killed = 0;
    int whole = 0;
    for (int step = 1; step < k_steps_max; ++step) {
        temporary_folder in;
        fs::create_directory(in.journal());
        const auto run = import_into(in, from.file(), "kill_after:any:" + std::to_string(step));
        INFO("killed at " << step << ": " << run.out << run.words);
        if (run.signal == 0) {
            REQUIRE(run.exit_code == 0);
            break;
        }
        ++killed;
        cut(in, cuts[static_cast<std::size_t>(step) % cuts.size()]);
        if (fs::exists(in.data())) {
            ++whole;
        } else {
            if (fs::exists(import_folder(in.journal()))) expect_refused(in, "an import into");
            const auto again = import_into(in, from.file());
            INFO(again.words);
            REQUIRE(again.exit_code == 0);
        }
        expect_whole(in);
    }
    CHECK(killed > 10);
    WARN("killed at " << killed << " calls, at " << whole << " of them the journal was there");
}

TEST_CASE("an export that is cut short or bent leaves the folder as it was") {
    const source from;
    std::ifstream file(from.file(), std::ios::binary);
    const std::string good{std::istreambuf_iterator<char>(file), {}};
    auto bent = good;
    bent[bent.size() / 2] = static_cast<char>(bent[bent.size() / 2] ^ 1);
    for (const std::string& bad : {good.substr(0, good.size() / 2), good.substr(0, good.size() - 1),
                                   bent, good + "x", std::string()}) {
        temporary_folder in;
        const std::string name = (in.root() / "bad").string();
        std::ofstream(name, std::ios::binary) << bad;
        const auto got = import_into(in, name);
        CHECK(got.exit_code == 3);
        CHECK_THAT(got.words, Catch::Contains("export"));
        CHECK_FALSE(fs::exists(in.data()));
        CHECK_FALSE(fs::exists(import_folder(in.journal())));
        REQUIRE(import_into(in, from.file()).exit_code == 0);
        expect_whole(in);
    }
}

TEST_CASE("an import waits for nobody who writes, and a start for no import") {
    const source from;
    temporary_folder in;
    fs::create_directory(in.journal());
    fs::create_directory(import_folder(in.journal()));
    expect_refused(in, "repeat it, or remove that folder");
    REQUIRE(import_into(in, from.file()).exit_code == 0);
    expect_whole(in);
    auto still = hold_still(in.journal());
    REQUIRE(still.ok());
    // Who exports keeps a gateway from starting.
    CHECK_THAT(run_child(in, {"commit", in.journal(), "1"}).words,
               Catch::Contains("another process has the journal open"));
}
