#include "gateway/ingest/profiles.hpp"

#include <catch2/catch.hpp>

using namespace wharf;

TEST_CASE("a star in a pattern is any text and a question mark one byte") {
    const auto [pattern, text, fits] = GENERATE(table<std::string, std::string, bool>({
        {"*", "", true},
        {"*", "anything", true},
        {"scanner-*", "scanner-07", true},
        {"scanner-*", "scanner-", true},
        {"scanner-*", "scan", false},
        {"*-07", "scanner-07", true},
        {"s*-*7", "scanner-07", true},
        {"s*x*7", "scanner-07", false},
        {"scanner-??", "scanner-07", true},
        {"scanner-??", "scanner-7", false},
        {"a*a*a", "aa", false},
        {"a*a*a", "aaaa", true},
        {"", "", true},
        {"", "a", false},
        {"exact", "exact", true},
        {"exact", "exactly", false},
    }));
    CAPTURE(pattern, text);
    CHECK(matches_glob(pattern, text) == fits);
}

TEST_CASE("a pattern of many stars does not take exponential time") {
    CHECK_FALSE(matches_glob("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", std::string(4000, 'a')));
}

TEST_CASE("a route's profile wins, else the first that fits, else everything is kept") {
    const auto made = make_profiles({
        {.name = "reader", .devices = {"rfid-*", "gate-*"}, .streams = {"reads"}},
        {.name = "scanner", .devices = {"scanner-*"}},
    });
    REQUIRE(made.ok());
    CHECK(made->find("", "gate-1", "reads").name == "reader");
    CHECK(made->find("", "gate-1", "stock").name.empty());
    CHECK(made->find("", "scanner-1", "any").name == "scanner");
    CHECK(made->find("reader", "scanner-1", "any").name == "reader");
    CHECK(made->find("", "wms", "x").on_double_trigger == double_trigger_policy::keep);
    CHECK_FALSE(made->find("", "wms", "x").packet_ids_not_reused);
}

TEST_CASE("a profile that makes no sense is refused") {
    const auto refused = [](device_profile bad) {
        const auto made = make_profiles({{.name = "a"}, std::move(bad)});
        return made.ok() ? "made" : made.failure().message;
    };
    CHECK(refused({.name = "a"}) == "profile \"a\": is there twice");
    CHECK(refused({.name = ""}) == "profile \"\": name: expected 1 to 64 bytes, got 0");
    CHECK(refused({.name = "b", .devices = {""}}) ==
          "profile \"b\": devices: expected 1 to 64 bytes, got 0");
    CHECK(refused({.name = "b", .double_trigger_window_ms = 0}) ==
          "profile \"b\": double_trigger_window_ms: expected 1 to 60000, got 0");
    CHECK(refused({.name = "b", .double_trigger_window_ms = 60'001}) ==
          "profile \"b\": double_trigger_window_ms: expected 1 to 60000, got 60001");
}
