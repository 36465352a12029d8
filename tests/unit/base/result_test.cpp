#include "gateway/base/result.hpp"

#include <catch2/catch.hpp>

#include <memory>

using namespace wharf;

namespace {

result<int> half(int number) {
    if (number % 2 != 0) return error{errc::invalid, "odd"};
    return number / 2;
}

result<int> quarter(int number) {
    WHARF_TRY_ASSIGN(const int once, half(number));
    WHARF_TRY_ASSIGN(const int twice, half(once));
    return twice;
}

status all_even(int a, int b) {
    WHARF_TRY(half(a));
    WHARF_TRY(half(b));
    return ok();
}

} // namespace

TEST_CASE("a result holds its value or its failure") {
    CHECK(half(4).ok());
    CHECK(*half(4) == 2);
    CHECK_FALSE(half(3).ok());
    CHECK(half(3).failure().code == errc::invalid);
}

TEST_CASE("the first failure is handed up and nothing after it runs") {
    CHECK(*quarter(8) == 2);
    CHECK(quarter(6).failure().message == "odd");
    CHECK(all_even(2, 4).ok());
    CHECK_FALSE(all_even(2, 3).ok());
}

TEST_CASE("a caller puts its view in front of an error") {
    CHECK(error{errc::io, "no such file"}.in("open a").in("start").message ==
          "start: open a: no such file");
}

TEST_CASE("a value that can only be moved is moved out") {
    result<std::unique_ptr<int>> owner = std::make_unique<int>(7);
    const auto taken = std::move(owner).value();
    CHECK(*taken == 7);
}
