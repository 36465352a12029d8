#include "gateway/access/log_budget.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace wharf;
using namespace wharf::access;

TEST_CASE("some lines of a kind about a subject, then it says how many were left out") {
    log_budget budget;
    int written = 0;
    for (int i = 0; i < 1000; ++i)
        written += budget.take("login", "10.0.0.1", i) ? 1 : 0;
    CHECK(written == limits::k_log_lines_per_interval);
    CHECK(budget.take("login", "10.0.0.2", 1000));
    CHECK(budget.take("publish", "10.0.0.1", 1000));
    CHECK(budget.take_left_out(2000).empty());
    const auto out = budget.take_left_out(limits::k_log_interval_ms + 2000);
    REQUIRE(out.size() == 1);
    CHECK(out[0].kind == "login");
    CHECK(out[0].subject == "10.0.0.1");
    CHECK(out[0].lines == 997);
    CHECK(budget.take_left_out(3 * limits::k_log_interval_ms).empty());
}

TEST_CASE("an interval that begins anew does not lose what was left out of the one before") {
    log_budget budget;
    for (int i = 0; i < 5; ++i)
        (void)budget.take("login", "a", 0);
    CHECK(budget.take("login", "a", limits::k_log_interval_ms));
    const auto out = budget.take_left_out(limits::k_log_interval_ms);
    REQUIRE(out.size() == 1);
    CHECK(out[0].lines == 2);
}
