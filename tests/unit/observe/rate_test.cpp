#include "gateway/observe/rate.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace wharf::observe;

TEST_CASE("a steady growth is its rate from the second sample on") {
    moving_rate rate(900);
    rate.sample(0, 1000);
    CHECK(rate.per_s() == 0);
    for (int second = 1; second < 5000; ++second) {
        rate.sample(second * 1'000'000LL, 1000 + static_cast<std::uint64_t>(second) * 50);
        REQUIRE(rate.per_s() == Approx(50));
    }
}

TEST_CASE("after the growth ends the rate falls with its time constant") {
    moving_rate rate(100);
    for (int second = 0; second <= 1000; ++second)
        rate.sample(second * 1'000'000LL, static_cast<std::uint64_t>(second) * 50);
    for (int second = 1001; second <= 1100; ++second)
        rate.sample(second * 1'000'000LL, 50'000);
    CHECK(rate.per_s() == Approx(50 * std::exp(-1.0)).epsilon(0.02));
}

TEST_CASE("a total that falls is no rate and time that stands still is ignored") {
    moving_rate rate(100);
    rate.sample(0, 1000);
    rate.sample(1'000'000, 10);
    CHECK(rate.per_s() == 0);
    rate.sample(1'000'000, 5000);
    CHECK(rate.per_s() == 0);
}

TEST_CASE("hours left are the free bytes at the present rate") {
    CHECK(hours_left(3600 * 100, 10) == Approx(10));
    CHECK(std::isinf(hours_left(1, 0)));
    CHECK(hours_left(0, 1) == 0);
}
