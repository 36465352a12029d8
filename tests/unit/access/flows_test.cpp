#include "gateway/access/flows.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace wharf;
using namespace wharf::access;

TEST_CASE("a bucket gives its burst, then its rate") {
    token_bucket bucket({10, 5}, 0);
    for (int i = 0; i < 5; ++i)
        CHECK(bucket.try_spend(0));
    CHECK_FALSE(bucket.try_spend(99'999));
    CHECK(bucket.try_spend(100'000));
    CHECK_FALSE(bucket.try_spend(100'000));
    int taken = 0;
    for (std::int64_t at = 100'000; at <= 10'100'000; at += 1000)
        taken += bucket.try_spend(at) ? 1 : 0;
    CHECK(taken == 100);
    CHECK(bucket.try_spend(1'000'000'000'000)); // an idle one is full, and no more than that
    for (int i = 0; i < 4; ++i)
        CHECK(bucket.try_spend(1'000'000'000'000));
    CHECK_FALSE(bucket.try_spend(1'000'000'000'000));
}

TEST_CASE("without a rate there is no bound, and the highest rates do not overflow") {
    token_bucket none({0, 0}, 0);
    for (int i = 0; i < 1000; ++i)
        CHECK(none.try_spend(0));
    none.spend(1'000'000'000'000, 0);
    CHECK_FALSE(none.in_debt(0));
    token_bucket most({limits::k_rate_max, limits::k_rate_max}, 0);
    for (int i = 0; i < 100; ++i)
        most.spend(~std::uint64_t{0}, 1);
    CHECK(most.in_debt(1));
    CHECK(most.in_debt(500'000));
    CHECK_FALSE(most.in_debt(std::int64_t{1} << 60));
}

TEST_CASE("who sends above the rate is not read until the debt is paid") {
    flow one({{100, 100}, {0, 0}}, 0);
    CHECK(one.may_read(0));
    one.spend(100, 5000, 0);
    CHECK(one.may_read(0)); // the burst
    one.spend(200, 5000, 0);
    CHECK_FALSE(one.may_read(0));
    CHECK_FALSE(one.may_read(1'999'999));
    CHECK(one.may_read(2'000'000));
}

TEST_CASE("over time a flood gets its rate, and bytes bound as messages do") {
    flow one({{0, 0}, {1000, 2000}}, 0);
    std::uint64_t read = 0;
    for (std::int64_t at = 0; at < 100'000'000; at += 250'000)
        if (one.may_read(at)) {
            one.spend(1, 700, at);
            read += 700;
        }
    CHECK(read >= 99'000);
    CHECK(read <= 103'000);
}

TEST_CASE("connections of one subject share a flow, which is found again") {
    flows all;
    const flow_limits limits{{10, 10}, {0, 0}};
    auto first = all.of("wms", limits, 0);
    first->spend(30, 0, 0);
    CHECK(all.of("wms", limits, 0) == first);
    first.reset();
    CHECK_FALSE(all.of("wms", limits, 1'000'000)->may_read(1'000'000)); // coming back is no way out
    CHECK(all.of("other", limits, 0)->may_read(0));
    CHECK(all.of("free", {}, 0) == nullptr);
    CHECK(all.of("wms", {{20, 20}, {0, 0}}, 0)->may_read(0)); // other bounds begin anew
    for (int i = 0; i < 100'000; ++i)
        (void)all.of(std::to_string(i), limits, 0);
    CHECK(all.size() <= 2 * limits::k_watched_max);
}
