#include "gateway/base/time.hpp"

#include <catch2/catch.hpp>

using namespace wharf;

namespace {

std::string round_trip(std::string_view text) {
    const auto parsed = parse_rfc3339(text);
    return parsed.ok() ? to_rfc3339(*parsed) : "error: " + parsed.failure().message;
}

const std::string k_form =
    "error: expected an RFC 3339 time such as \"2026-03-02T10:00:00.250Z\" or "
    "\"2026-03-02T11:00:00+01:00\"";

} // namespace

TEST_CASE("a time is written in UTC with the shortest exact fraction") {
    const auto [text, expected] = GENERATE(table<std::string, std::string>({
        {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
        {"2026-03-02T10:00:00.123456Z", "2026-03-02T10:00:00.123456Z"},
        {"2026-03-02T10:00:00.9Z", "2026-03-02T10:00:00.900Z"},
        {"2026-03-02T10:00:00.000000001Z", "2026-03-02T10:00:00.000000001Z"},
        {"2026-03-02T10:00:00.1234Z", "2026-03-02T10:00:00.123400Z"},
        {"2026-03-02T10:00:00.000Z", "2026-03-02T10:00:00Z"},
        {"2026-03-02T11:00:00+01:00", "2026-03-02T10:00:00Z"},
        {"2026-03-01T23:30:00-05:30", "2026-03-02T05:00:00Z"},
        {"2024-02-29T23:59:59-00:00", "2024-02-29T23:59:59Z"},
        {"1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z"},
        {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
        {"9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"},
    }));
    CHECK(round_trip(text) == expected);
}

TEST_CASE("what is not an RFC 3339 time is refused") {
    const auto* text = GENERATE(
        "", "2026-03-02", "2026-03-02 10:00:00Z", "2026-03-02T10:00Z", "2026-03-02T10:00:00.Z",
        "2026-03-02t10:00:00Z", "2026-3-2T10:00:00Z", "2026-03-02T10:00:00Zx", "20260302T100000Z",
        "+2026-03-02T10:00:00Z", "2026-03-02T10:00:00+01", "2026-03-02T10:00:00+0100");
    CAPTURE(text);
    CHECK(round_trip(text) == k_form);
}

TEST_CASE("a well formed time that cannot be is refused with the reason") {
    const auto [text, why] = GENERATE(table<std::string, std::string>({
        {"2026-02-29T10:00:00Z", "there is no such day"},
        {"2026-13-01T10:00:00Z", "there is no such day"},
        {"2026-04-31T10:00:00Z", "there is no such day"},
        {"0000-01-01T10:00:00Z", "there is no such day"},
        {"2026-03-02T24:00:00Z", "the time of day is out of range"},
        {"2026-03-02T10:60:00Z", "the time of day is out of range"},
        {"2026-03-02T10:00:61Z", "the time of day is out of range"},
        {"2016-12-31T23:59:60Z", "leap seconds (:60) are not accepted"},
        {"2026-03-02T10:00:00", "it must end in Z or an offset"},
        {"2026-03-02T10:00:00z", "it must end in Z or an offset"},
        {"2026-03-02T10:00:00+24:00", "the offset is out of range"},
        {"2026-03-02T10:00:00.1234567890Z", "at most 9 fractional digits"},
        {"0001-01-01T00:00:00+00:01", "in UTC it lies outside the years 0001 to 9999"},
        {"9999-12-31T23:59:59-00:01", "in UTC it lies outside the years 0001 to 9999"},
    }));
    CHECK(round_trip(text) == k_form + ": " + why);
}

TEST_CASE("microseconds before 1970 keep their nanoseconds counting forward") {
    CHECK(timestamp_from_us(1'500'000) == timestamp{1, 500'000'000});
    CHECK(timestamp_from_us(-1) == timestamp{-1, 999'999'000});
    CHECK(timestamp_from_us(-2'000'000) == timestamp{-2, 0});
    CHECK(to_rfc3339(timestamp_from_us(-1)) == "1969-12-31T23:59:59.999999Z");
}

TEST_CASE("only the range of RFC 3339's years is in range") {
    CHECK(in_range({k_timestamp_seconds_min, 0}));
    CHECK(in_range({k_timestamp_seconds_max, 999'999'999}));
    CHECK_FALSE(in_range({k_timestamp_seconds_min - 1, 0}));
    CHECK_FALSE(in_range({k_timestamp_seconds_max + 1, 0}));
    CHECK_FALSE(in_range({0, -1}));
    CHECK_FALSE(in_range({0, 1'000'000'000}));
}

TEST_CASE("a date must be one of the calendar") {
    CHECK(check_date("2026-12-31").ok());
    CHECK(check_date("2024-02-29").ok());
    for (const auto* text : {"2026-02-29", "2026-00-10", "2026-10-00", "0000-10-10"}) {
        CHECK(check_date(text).failure().message ==
              "expected a date as YYYY-MM-DD: there is no such day");
    }
    for (const auto* text : {"", "2026-1-1", "20261231", "2026-12-31T00:00:00", "2026/12/31"})
        CHECK(check_date(text).failure().message == "expected a date as YYYY-MM-DD");
}
