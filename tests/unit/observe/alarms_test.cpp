#include "gateway/observe/alarms.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::observe;
using what = alarm_change::what;

namespace {

condition dead(std::string subject, severity level = severity::warning) {
    return {alarm_code::dead_letters, std::move(subject), level, "somebody has to look"};
}

std::vector<what> changes_of(alarm_board& board) {
    std::vector<what> out;
    for (const auto& each : board.take_changes())
        out.push_back(each.became);
    return out;
}

} // namespace

TEST_CASE("an alarm is raised once, however often it is said, and cleared once") {
    alarm_board board;
    for (int i = 0; i < 3; ++i)
        board.settle({dead("erp")}, {i, 1000 + i});
    auto changes = board.take_changes();
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].became == what::raised);
    CHECK(changes[0].about.since.now_us == 0);
    CHECK(changes[0].about.since.wall_us == 1000);
    CHECK(board.standing().size() == 1);
    board.settle({}, {5, 1005});
    board.settle({}, {6, 1006});
    changes = board.take_changes();
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].became == what::cleared);
    CHECK(changes[0].about.since.now_us == 0);
    CHECK(board.standing().empty());
}

TEST_CASE("an alarm escalates and eases without being raised again") {
    alarm_board board;
    board.settle({dead("erp")}, {1, 1});
    board.settle({dead("erp", severity::critical)}, {2, 2});
    CHECK(board.standing()[0].since.now_us == 1);
    board.settle({dead("erp")}, {3, 3});
    CHECK(changes_of(board) == std::vector{what::raised, what::escalated, what::eased});
    CHECK(board.standing()[0].count == 1);
}

TEST_CASE("an alarm that comes again counts, and says since when it stands now") {
    alarm_board board;
    board.settle({dead("erp")}, {1, 1});
    board.settle({}, {2, 2});
    board.settle({dead("erp")}, {3, 3});
    CHECK(board.standing()[0].count == 2);
    CHECK(board.standing()[0].since.now_us == 3);
    CHECK(board.times_raised()[static_cast<std::size_t>(alarm_code::dead_letters)] == 2);
}

TEST_CASE("words that change are no change of the alarm") {
    alarm_board board;
    board.settle({dead("erp")}, {1, 1});
    auto later = dead("erp");
    later.text = "somebody has to look at two";
    board.settle({later}, {2, 2});
    CHECK(changes_of(board) == std::vector{what::raised});
    CHECK(board.standing()[0].text == later.text);
}

TEST_CASE("what is raised by an event stays until it is cleared") {
    alarm_board board;
    board.raise({alarm_code::tls_files, "erp", severity::warning, "no PEM"}, {1, 1});
    board.raise({alarm_code::tls_files, "erp", severity::warning, "no PEM"}, {2, 2});
    board.settle({}, {3, 3});
    CHECK(board.standing().size() == 1);
    CHECK(board.raised().size() == 1);
    board.clear(alarm_code::tls_files, "another", {4, 4});
    CHECK(board.standing().size() == 1);
    board.clear(alarm_code::tls_files, "erp", {4, 4});
    board.clear(alarm_code::tls_files, "erp", {5, 5});
    CHECK(changes_of(board) == std::vector{what::raised, what::cleared});
    CHECK(board.raised().empty());
}

TEST_CASE("the most serious stands first, then the oldest") {
    alarm_board board;
    board.settle({dead("b")}, {1, 1});
    board.settle({dead("b"), dead("a")}, {2, 2});
    board.settle({dead("b"), dead("a"), dead("c", severity::critical)}, {3, 3});
    const auto standing = board.standing();
    REQUIRE(standing.size() == 3);
    CHECK(standing[0].subject == "c");
    CHECK(standing[1].subject == "b");
    CHECK(standing[2].subject == "a");
}

TEST_CASE("the board is bounded: what is over gives way, what stands does not") {
    alarm_board board(2);
    board.settle({dead("a"), dead("b")}, {1, 1});
    board.settle({dead("a"), dead("b"), dead("c")}, {2, 2});
    CHECK(board.standing().size() == 2);
    CHECK(board.left_out() == 1);
    board.settle({dead("b")}, {3, 3});
    board.settle({dead("b"), dead("c")}, {4, 4});
    REQUIRE(board.standing().size() == 2);
    CHECK(board.standing()[0].subject == "b");
    CHECK(board.standing()[1].subject == "c");
    CHECK(board.left_out() == 1);
}

TEST_CASE("changes that nobody takes are bounded too") {
    alarm_board board;
    for (std::int64_t i = 0; i < 400; ++i)
        board.settle(i % 2 == 0 ? std::vector{dead("erp")} : std::vector<condition>{}, {i, i});
    CHECK(board.take_changes().size() == limits::k_alarm_changes_max);
    CHECK(board.left_out() == 400 - limits::k_alarm_changes_max);
    CHECK(board.take_changes().empty());
}

TEST_CASE("an alarm's words are cut at a whole character") {
    alarm_board board;
    auto wordy = dead("erp");
    wordy.text = std::string(limits::k_alarm_text_bytes_max - 1, 'x') + "\xc3\xa4";
    board.settle({wordy}, {1, 1});
    CHECK(board.standing()[0].text == std::string(limits::k_alarm_text_bytes_max - 1, 'x'));
}
