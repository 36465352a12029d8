// docs/formats/erp.md, row by row.
#include "sync/delivery/text.hpp"
#include "tests/unit/sync/rig.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::test;

TEST_CASE("every HTTP status has the verdict of the contract") {
    using v = request_verdict;
    const std::vector<std::pair<int, v>> rows = {{200, v::per_item},
                                                 {201, v::per_item},
                                                 {204, v::per_item},
                                                 {301, v::stop},
                                                 {302, v::stop},
                                                 {400, v::stop},
                                                 {401, v::stop_credentials},
                                                 {403, v::forbidden},
                                                 {404, v::stop},
                                                 {405, v::stop},
                                                 {408, v::overloaded},
                                                 {409, v::retry},
                                                 {410, v::stop},
                                                 {413, v::too_large},
                                                 {415, v::stop},
                                                 {422, v::refused},
                                                 {425, v::retry},
                                                 {429, v::overloaded},
                                                 {500, v::failed},
                                                 {501, v::failed},
                                                 {502, v::overloaded},
                                                 {503, v::overloaded},
                                                 {504, v::overloaded}};
    for (const auto& [status, verdict] : rows) {
        INFO("HTTP " << status);
        CHECK(classify_request(http(status)) == verdict);
    }
    CHECK(classify_request(reset()) == v::unknown);
    CHECK(classify_request(refused_connection()) == v::not_sent);
}

TEST_CASE("every item status has the verdict of the contract") {
    using namespace wharf::v1;
    using v = item_verdict;
    const std::vector<std::pair<ItemStatus, v>> rows = {{ITEM_STATUS_UNSPECIFIED, v::unknown},
                                                        {ITEM_STATUS_APPLIED, v::applied},
                                                        {ITEM_STATUS_ALREADY_APPLIED, v::applied},
                                                        {ITEM_STATUS_REFUSED, v::refused},
                                                        {ITEM_STATUS_CONFLICT, v::dead},
                                                        {ITEM_STATUS_FORBIDDEN, v::dead},
                                                        {ITEM_STATUS_IN_PROGRESS, v::later},
                                                        {ITEM_STATUS_THROTTLED, v::later},
                                                        {ITEM_STATUS_NOT_ATTEMPTED, v::unattempted},
                                                        {ITEM_STATUS_ERROR, v::unknown},
                                                        {ITEM_STATUS_NOT_HELD, v::not_held}};
    for (const auto& [status, verdict] : rows) {
        INFO("status " << ItemStatus_Name(status));
        CHECK(classify_item(status) == verdict);
    }
    CHECK(classify_item(static_cast<ItemStatus>(99)) == v::unknown);
}

TEST_CASE("back-off grows, is capped, and uses the whole range below") {
    jitter random(7);
    for (std::uint32_t attempt = 1; attempt < 40; ++attempt) {
        const auto bound = std::min<std::int64_t>(60'000, 500LL << std::min(attempt - 1, 20U));
        std::int64_t low = bound;
        std::int64_t high = 0;
        for (int i = 0; i < 400; ++i) {
            const auto wait = backoff_us(random, 500, 60'000, attempt);
            CHECK(wait >= 1);
            CHECK(wait <= bound);
            low = std::min(low, wait);
            high = std::max(high, wait);
        }
        CHECK(low < bound / 10);
        CHECK(high > bound - bound / 10);
    }
}

TEST_CASE("the circuit opens on failures across keys only, and closes on a success") {
    jitter random(1);
    circuit_breaker one_key(3, 1000, 60'000);
    for (int i = 0; i < 50; ++i)
        one_key.on_failure(1, false, i, random);
    CHECK(one_key.state(100) == circuit_state::closed);
    one_key.on_failure(2, false, 100, random);
    CHECK(one_key.state(100) == circuit_state::open);
    CHECK(one_key.state(one_key.open_until_us()) == circuit_state::half_open);
    std::int64_t now = 100;
    for (int i = 0; i < 30; ++i) {
        now = one_key.open_until_us();
        one_key.on_failure(2, false, now, random);
        CHECK(one_key.open_until_us() - now <= 60'000);
        CHECK(one_key.open_until_us() > now);
    }
    CHECK(one_key.open_until_us() - now >= 30'000);
    one_key.on_success();
    CHECK(one_key.state(now) == circuit_state::closed);
}

TEST_CASE("words of an ERP become text that can be stored and read") {
    CHECK(presentable("A-01 h\xc3\xa4lt 1", 100) == "A-01 h\xc3\xa4lt 1");
    CHECK(presentable("a\xff\xfe\nb\x7f", 100) == "a?? b?");
    CHECK(presentable("\xed\xa0\x80", 100) == "???"); // a surrogate
    CHECK(presentable("ab\xc3\xa4", 3) == "ab");      // not half a character
}
