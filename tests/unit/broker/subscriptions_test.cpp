#include "gateway/base/topic_filter.hpp"
#include "gateway/broker/subscriptions.hpp"

#include "tests/support/seeds.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <random>

using namespace wharf;
using namespace wharf::broker;

namespace {

// "who:qos" of each match.
std::string found_in(const subscriptions& in, std::string_view topic, session_number from = 0) {
    std::vector<match> matches;
    in.find(topic, from, matches);
    std::string out;
    for (const match& each : matches)
        out += (out.empty() ? "" : " ") + std::to_string(each.who) + ":" + std::to_string(each.qos);
    return out;
}

} // namespace

TEST_CASE("filters fit topics as the standard's examples say") {
    // Section 4.7.1.2 and 4.7.1.3 of MQTT 5.
    CHECK(filter_fits("sport/tennis/player1/#", "sport/tennis/player1"));
    CHECK(filter_fits("sport/tennis/player1/#", "sport/tennis/player1/ranking"));
    CHECK(filter_fits("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon"));
    CHECK(filter_fits("sport/#", "sport"));
    CHECK(filter_fits("#", "sport/tennis"));
    CHECK(filter_fits("sport/tennis/+", "sport/tennis/player1"));
    CHECK_FALSE(filter_fits("sport/tennis/+", "sport/tennis/player1/ranking"));
    CHECK_FALSE(filter_fits("sport/+", "sport"));
    CHECK(filter_fits("sport/+", "sport/"));
    CHECK(filter_fits("+/+", "/finance"));
    CHECK(filter_fits("/+", "/finance"));
    CHECK_FALSE(filter_fits("+", "/finance"));
    CHECK_FALSE(filter_fits("#", "$SYS/uptime"));
    CHECK_FALSE(filter_fits("+/monitor/Clients", "$SYS/monitor/Clients"));
    CHECK(filter_fits("$SYS/#", "$SYS/uptime"));
    CHECK(filter_fits("$SYS/monitor/+", "$SYS/monitor/Clients"));
    CHECK_FALSE(filter_fits("ACCOUNTS", "Accounts"));
    CHECK_FALSE(filter_fits("a", "a/b"));
    CHECK_FALSE(filter_fits("a/b", "a"));
}

TEST_CASE("a session gets one copy, at the highest quality and with every identifier") {
    subscriptions all;
    CHECK(all.empty());
    CHECK(all.set(3, "wharf/#", {.qos = 0, .identifier = 7}));
    CHECK(all.set(3, "wharf/+/stock", {.qos = 2, .retain_as_published = true}));
    CHECK(all.set(3, "wharf/a/stock", {.qos = 1, .identifier = 9}));
    CHECK(all.set(1, "#", {.qos = 1}));
    CHECK(found_in(all, "wharf/a/stock") == "1:1 3:2");
    std::vector<match> matches;
    all.find("wharf/a/stock", 0, matches);
    CHECK(matches[1].identifiers == std::vector<std::uint32_t>{7, 9});
    CHECK(matches[1].retain_as_published);
    CHECK(found_in(all, "wharf/a") == "1:1 3:0");
    CHECK(found_in(all, "other") == "1:1");
    CHECK(all.count() == 4);
}

TEST_CASE("a subscription takes the place of one with the same filter") {
    subscriptions all;
    CHECK(all.set(1, "a/+", {.qos = 0}));
    CHECK_FALSE(all.set(1, "a/+", {.qos = 2}));
    CHECK(found_in(all, "a/b") == "1:2");
    CHECK(all.count() == 1);
    CHECK(all.erase(1, "a/+"));
    CHECK_FALSE(all.erase(1, "a/+"));
    CHECK_FALSE(all.erase(1, "never/there"));
    CHECK(all.empty());
}

TEST_CASE("who asks for it gets nothing of its own") {
    subscriptions all;
    all.set(1, "a", {.qos = 1, .no_local = true});
    all.set(2, "a", {.qos = 1});
    CHECK(found_in(all, "a", 1) == "2:1");
    CHECK(found_in(all, "a", 2) == "1:1 2:1");
}

TEST_CASE("the tree finds what a plain list finds, over subscriptions that come and go") {
    for (const unsigned seed : wharf::test::seeds(20)) {
        INFO("WHARF_SEED=" << seed);
        std::mt19937 random(seed);
        const std::vector<std::string> levels = {"a", "b", "", "$x", "+"};
        auto below = [&](std::size_t bound) { return random() % bound; };
        auto path = [&](bool filter) {
            std::string out;
            for (std::size_t i = 1 + below(4); i > 0; --i)
                out += (out.empty() ? "" : "/") + levels[below(filter ? 5 : 4)];
            if (filter && below(4) == 0) out = below(5) == 0 ? "#" : out + "/#";
            return out.empty() ? std::string("a") : out;
        };
        subscriptions all;
        std::map<std::pair<session_number, std::string>, subscription_options> list;
        for (int step = 0; step < 600; ++step) {
            const auto who = static_cast<session_number>(1 + below(5));
            const std::string filter = path(true);
            if (below(3) > 0) {
                const subscription_options how{.qos = static_cast<std::uint8_t>(below(3)),
                                               .no_local = below(4) == 0};
                const bool fresh = list.insert_or_assign({who, filter}, how).second;
                if (all.set(who, filter, how) != fresh) FAIL("set " << filter);
            } else if (all.erase(who, filter) != (list.erase({who, filter}) > 0)) {
                FAIL("erase " << filter);
            }
            if (all.count() != list.size()) FAIL("count");
            const std::string topic = path(false);
            const auto from = static_cast<session_number>(below(6));
            std::map<session_number, int> wanted;
            for (const auto& [key, how] : list)
                if (filter_fits(key.second, topic) && !(how.no_local && key.first == from))
                    wanted[key.first] = std::max<int>(wanted[key.first], how.qos);
            std::string text;
            for (const auto& [number, qos] : wanted)
                text +=
                    (text.empty() ? "" : " ") + std::to_string(number) + ":" + std::to_string(qos);
            if (found_in(all, topic, from) != text)
                FAIL(topic << ": " << found_in(all, topic, from) << ", expected " << text);
        }
    }
    SUCCEED();
}
