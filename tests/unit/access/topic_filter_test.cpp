// Whether a filter stays inside another: against every topic of a small world.
#include "gateway/access/topic_filter.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

using namespace wharf::access;

namespace {

// All texts of 1 to depth_max levels out of these.
std::vector<std::string> joined(const std::vector<std::string>& levels, int depth_max) {
    std::vector<std::string> out = levels;
    std::size_t from = 0;
    for (int depth = 1; depth < depth_max; ++depth) {
        const std::size_t to = out.size();
        for (; from < to; ++from)
            for (const auto& level : levels)
                out.push_back(out[from] + "/" + level);
    }
    return out;
}

std::vector<std::string> all_filters(int depth_max) {
    std::vector<std::string> out;
    for (auto& one : joined({"a", "b", "", "$s", "+", "#"}, depth_max))
        if (!one.empty() && check_filter(one).empty()) out.push_back(one);
    return out;
}

// The standard's words, as a program that takes the two apart first.
std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> out(1);
    for (char c : text)
        if (c == '/')
            out.emplace_back();
        else
            out.back() += c;
    return out;
}

bool matches_slowly(const std::string& filter, const std::string& topic) {
    const auto want = split(filter);
    const auto have = split(topic);
    if (topic[0] == '$' && (filter[0] == '+' || filter[0] == '#')) return false;
    for (std::size_t i = 0; i < want.size(); ++i) {
        if (want[i] == "#") return have.size() >= i;
        if (i >= have.size()) return false;
        if (want[i] != "+" && want[i] != have[i]) return false;
    }
    return want.size() == have.size();
}

} // namespace

TEST_CASE("a filter matches the topics that the standard says") {
    CHECK(matches("sport/tennis/player1/#", "sport/tennis/player1"));
    CHECK(matches("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon"));
    CHECK(matches("sport/#", "sport"));
    CHECK_FALSE(matches("sport/+", "sport"));
    CHECK(matches("sport/+", "sport/"));
    CHECK(matches("+/+", "/finance"));
    CHECK(matches("/+", "/finance"));
    CHECK_FALSE(matches("+", "/finance"));
    CHECK_FALSE(matches("#", "$SYS/uptime"));
    CHECK_FALSE(matches("+/monitor/Clients", "$SYS/monitor/Clients"));
    CHECK(matches("$SYS/#", "$SYS/uptime"));
}

TEST_CASE("matching is what a slow program finds, for every filter and topic of a small world") {
    const auto filters = all_filters(4);
    const auto topics = joined({"a", "b", "", "$s"}, 4);
    std::size_t wrong = 0;
    for (const auto& filter : filters)
        for (const auto& topic : topics)
            if (!topic.empty() && matches(filter, topic) != matches_slowly(filter, topic)) ++wrong;
    CHECK(filters.size() > 900);
    CHECK(wrong == 0);
}

TEST_CASE("a filter is included exactly where every topic of it is, in a small world") {
    // Topics one level deeper than the filters, and with a level that no filter names: else a
    // wildcard would look like what it happens to stand for.
    const auto filters = all_filters(3);
    const auto topics = joined({"a", "b", "", "$s", "other", "$other"}, 4);
    std::vector<std::vector<bool>> fits;
    for (const auto& filter : filters) {
        auto& row = fits.emplace_back();
        for (const auto& topic : topics)
            row.push_back(!topic.empty() && matches_slowly(filter, topic));
    }
    std::size_t widened = 0;
    std::size_t narrowed = 0;
    std::size_t included = 0;
    for (std::size_t p = 0; p < filters.size(); ++p) {
        for (std::size_t a = 0; a < filters.size(); ++a) {
            bool inside = true;
            for (std::size_t t = 0; inside && t < topics.size(); ++t)
                inside = !fits[a][t] || fits[p][t];
            const bool says = includes(filters[p], filters[a]);
            if (says && !inside) {
                ++widened;
                WARN(filters[p] << " does not hold all of " << filters[a]);
            }
            // "/#" and "/+/#" differ by the empty topic alone, which is none.
            if (!says && inside && filters[a] != "/#") {
                ++narrowed;
                WARN(filters[p] << " holds all of " << filters[a]);
            }
            included += says ? 1 : 0;
        }
    }
    CHECK(widened == 0);
    CHECK(narrowed == 0);
    CHECK(included > filters.size());
}

TEST_CASE("inclusion never widens, for random filters of any depth") {
    std::mt19937 random(20261121);
    const std::vector<std::string> words = {"a", "b", "c", "", "+", "$s"};
    auto any = [&](std::size_t levels, bool wildcards) {
        std::string out;
        for (std::size_t i = 0; i < levels; ++i) {
            std::string word = words[random() % words.size()];
            if (!wildcards && word == "+") word = "d";
            out += (i == 0 ? "" : "/") + word;
        }
        if (wildcards && random() % 3 == 0) out += "/#";
        return out;
    };
    std::size_t held = 0;
    for (int round = 0; round < 200'000; ++round) {
        const auto permitted = any(1 + random() % 6, true);
        const auto asked = any(1 + random() % 6, true);
        if (permitted.empty() || asked.empty() || !includes(permitted, asked)) continue;
        ++held;
        for (int topic = 0; topic < 4; ++topic) {
            const auto name = any(1 + random() % 7, false);
            if (name.empty()) continue;
            INFO(permitted << " " << asked << " " << name);
            if (matches_slowly(asked, name)) REQUIRE(matches_slowly(permitted, name));
        }
    }
    CHECK(held > 1000);
}

TEST_CASE("filters that are not well formed are refused") {
    CHECK(check_filter("a/+/b/#").empty());
    CHECK(check_filter("#").empty());
    CHECK(check_filter("/").empty());
    CHECK_FALSE(check_filter("").empty());
    CHECK_FALSE(check_filter("a/#/b").empty());
    CHECK_FALSE(check_filter("a#").empty());
    CHECK_FALSE(check_filter("a+/b").empty());
    CHECK_FALSE(check_filter("a/b#").empty());
    CHECK_FALSE(check_filter("#/#").empty());
    CHECK_FALSE(check_filter("$share/g/a").empty());
    CHECK_FALSE(check_filter(std::string("a\0b", 3)).empty());
}

TEST_CASE("what is put into a filter is one level, or it is no right") {
    const placeholder_values good{"scanner-07", "client 1", "ber1"};
    CHECK(*fill("wharf/1/{site}/{user}/#", good) == "wharf/1/ber1/scanner-07/#");
    CHECK(*fill("x-{client}-y/{user}", good) == "x-client 1-y/scanner-07");
    CHECK(*fill("plain", good) == "plain");
    for (const char* bad : {"a/b", "+", "#", "a+", "/", "$SYS", "a\nb"}) {
        INFO(bad);
        CHECK_FALSE(is_one_level(bad));
        CHECK(fill("t/{user}/#", {bad, "c", "s"}).failure().code == wharf::errc::invalid);
        CHECK(fill("t/{client}/#", {"u", bad, "s"}).failure().code == wharf::errc::invalid);
    }
    CHECK(fill("t/{user}", {"", "c", "s"}).failure().code == wharf::errc::not_found);
    CHECK(fill("t/{group}", good).failure().code == wharf::errc::invalid);
    CHECK(fill("t/{user", good).failure().code == wharf::errc::invalid);
}
