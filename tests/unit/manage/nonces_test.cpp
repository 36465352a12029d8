#include "gateway/manage/nonces.hpp"

#include "gateway/base/limits.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using manage::nonces;

namespace {
constexpr std::int64_t k_period_us = std::int64_t{limits::k_nonce_s} * 1'000'000;

bool holds(const nonces& of, std::string_view nonce, std::int64_t now_us) {
    return of.good(nonce, now_us, limits::k_nonces_good);
}
} // namespace

TEST_CASE("a nonce is good for its time and not longer, and none of the future") {
    const nonces its({'k'}, 500);
    const std::string first = its.current(500);
    CHECK(holds(its, first, 500));
    CHECK(holds(its, first, 500 + k_period_us));
    CHECK(holds(its, first, 500 + k_period_us * limits::k_nonces_good - 1));
    CHECK_FALSE(holds(its, first, 500 + k_period_us * limits::k_nonces_good));
    const std::string later = its.current(500 + 2 * k_period_us);
    CHECK(later != first);
    CHECK_FALSE(holds(its, later, 500));
}

TEST_CASE("no byte of a nonce can be another, and another run's is none") {
    const nonces its({'k'}, 0);
    const std::string good = its.current(0);
    for (std::size_t i = 0; i < good.size(); ++i) {
        std::string bent = good;
        bent[i] = static_cast<char>(bent[i] ^ 1);
        CHECK_FALSE(holds(its, bent, 5 * k_period_us));
    }
    CHECK_FALSE(holds(its, "", 0));
    CHECK_FALSE(holds(its, good + "x", 0));
    CHECK_FALSE(holds(nonces({'l'}, 0), good, 0));
}
