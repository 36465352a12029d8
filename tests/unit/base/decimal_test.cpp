#include "gateway/base/decimal.hpp"

#include <catch2/catch.hpp>

#include <limits>

using wharf::decimal;

namespace {

std::string canonical(std::string_view text) {
    const auto parsed = decimal::parse(text);
    return parsed.ok() ? parsed->to_string() : "error: " + parsed.failure().message;
}

constexpr std::string_view k_malformed = "error: expected a decimal such as \"12\", \"-0.5\" or "
                                         "\"12.50\": digits, optionally a point and "
                                         "digits, no exponent, no '+', no leading zeros";
constexpr std::string_view k_out_of_range =
    "error: expected at most 18 digits, at most 9 of them after the point";

} // namespace

TEST_CASE("a decimal is read exactly and written in canonical form") {
    const auto [text, expected] = GENERATE(table<std::string, std::string>({
        {"0", "0"},
        {"0.000", "0"},
        {"7", "7"},
        {"-7", "-7"},
        {"12.50", "12.5"},
        {"-0.5", "-0.5"},
        {"0.000000001", "0.000000001"},
        {"-0.000000001", "-0.000000001"},
        {"120", "120"},
        {"120.0", "120"},
        {"999999999999999999", "999999999999999999"},
        {"-999999999999999999", "-999999999999999999"},
        {"999999999.999999999", "999999999.999999999"},
        {"123456789012345678.0", "123456789012345678"},
    }));
    CHECK(canonical(text) == expected);
    CHECK(canonical(canonical(text)) == expected);
}

TEST_CASE("what is not written as a decimal is refused with the form that was expected") {
    const auto* text =
        GENERATE("", "-", "+1", " 1", "1 ", "1.", ".5", "-.5", "01", "-01", "00", "-0", "-0.0",
                 "1e3", "1E3", "1,5", "0x1", "NaN", "inf", "1.2.3", "--1", "1-", "12a", "\xd9\xa1");
    CAPTURE(text);
    CHECK(canonical(text) == k_malformed);
}

TEST_CASE("a decimal with too many digits is refused with the range") {
    const auto* text = GENERATE("1000000000000000000", "9999999999999999999", "0.1234567891",
                                "1.0000000000", "1234567890.123456789", "18446744073709551617",
                                "100000000000000000000000000000000000000000");
    CAPTURE(text);
    CHECK(canonical(text) == k_out_of_range);
}

TEST_CASE("a coefficient and a scale make the same number as its text") {
    CHECK(*decimal::make(1250, 2) == *decimal::parse("12.5"));
    CHECK(decimal::make(1250, 2)->coefficient() == 125);
    CHECK(decimal::make(1250, 2)->scale() == 1);
    CHECK(*decimal::make(0, 9) == decimal());
    CHECK(decimal::make(5, 3)->to_string() == "0.005");
    CHECK_FALSE(decimal::make(1, 10).ok());
    CHECK_FALSE(decimal::make(1'000'000'000'000'000'000, 0).ok());
    CHECK_FALSE(decimal::make(std::numeric_limits<std::int64_t>::min(), 0).ok());
    CHECK(decimal::make(1, 10).failure().code == wharf::errc::too_large);
}

TEST_CASE("decimals of different scales are compared by value") {
    const auto of = [](std::string_view text) { return *decimal::parse(text); };
    CHECK(of("0.5") < of("0.51"));
    CHECK(of("-0.5") > of("-0.51"));
    CHECK(of("10") > of("9.999999999"));
    CHECK(of("999999999999999999") > of("0.000000001"));
    CHECK(of("-999999999999999999") < of("0.000000001"));
    CHECK(of("-0.3") < of("0.2"));
    CHECK(of("-1.5") < of("-1.2"));
    CHECK(of("1.000000001") > of("1"));
    CHECK(of("-999999999.999999999") < of("-999999999.999999998"));
    CHECK(of("12.50") == of("12.5"));
    CHECK(of("-1").is_negative());
    CHECK(of("0.0").is_zero());
}
