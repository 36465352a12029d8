#include "gateway/base/limits.hpp"
#include "gateway/platform/log/log.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <fstream>
#include <string>
#include <unistd.h>

using namespace wharf;
using Catch::Matchers::Contains;

TEST_CASE("what a device sent cannot forge a line") {
    CHECK(log::rendered(false, "refused", {{"device", "a\n2026 error b"}}) ==
          "refused device=\"a\\u000a2026 error b\"");
    CHECK(log::rendered(false, "accepted", {{"correlation_id", "c-1"}, {"empty", ""}}) ==
          "accepted correlation_id=c-1 empty=\"\"");
}

TEST_CASE("JSON lines are one object each, with time, level and details") {
    auto path = "/tmp/wharf-log-" + std::to_string(::getpid());
    REQUIRE(log::start({true, log::level::info, path}).ok());
    log::debug("below the least level");
    log::info("accepted", {{"correlation_id", "c\"1\\"}});
    log::warn("refused");
    log::shutdown();
    std::ifstream in(path);
    std::string line;
    REQUIRE(std::getline(in, line));
    auto first = nlohmann::json::parse(line);
    CHECK(first["message"] == "accepted");
    CHECK(first["level"] == "info");
    CHECK(first["correlation_id"] == "c\"1\\");
    CHECK_THAT(first["time"].get<std::string>(), Contains("T") && Contains("Z"));
    REQUIRE(std::getline(in, line));
    CHECK(nlohmann::json::parse(line)["level"] == "warning");
    CHECK_FALSE(std::getline(in, line));
    CHECK(log::lines_by_level()[2] == 1);
    CHECK(log::lines_by_level()[0] + log::lines_by_level()[1] == 0);
    log::info("after the end, into nothing");
    std::remove(path.c_str());
}

TEST_CASE("the last lines are kept, numbered without gaps, and long ones are cut") {
    auto path = "/tmp/wharf-log-kept-" + std::to_string(::getpid());
    REQUIRE(log::start({false, log::level::info, path}).ok());
    CHECK(log::kept_since(0).empty());
    CHECK(log::last_kept() == 0);
    log::debug("below the least level");
    log::info("first");
    log::warn(std::string(5000, 'x'));
    auto kept = log::kept_since(0);
    REQUIRE(kept.size() == 2);
    CHECK(kept[0].number == 1);
    CHECK_THAT(kept[0].text, Contains("first"));
    CHECK(kept[1].at == log::level::warn);
    CHECK(kept[1].text.size() == 1024);
    CHECK(log::kept_since(1).size() == 1);
    CHECK(log::kept_since(2).empty());
    CHECK(log::kept_since(99).empty());
    for (std::size_t i = 0; i < limits::k_log_lines_kept; ++i)
        log::info("line", {{"i", std::to_string(i)}});
    kept = log::kept_since(0);
    REQUIRE(kept.size() == limits::k_log_lines_kept);
    CHECK(kept.front().number == 3);
    CHECK(kept.back().number == log::last_kept());
    CHECK(log::kept_since(kept.back().number - 2).size() == 2);
    CHECK(log::least_level() == log::level::info);
    log::shutdown();
    CHECK(log::kept_since(0).empty());
    CHECK_FALSE(log::least_level());
    std::remove(path.c_str());
}
