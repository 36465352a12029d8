// Points in time as text and as numbers: RFC 3339 as devices and ERPs write it, and calendar dates.
// Nothing here reads a clock. Any thread; a text that is not a time is an error that says what was
// expected.
#pragma once

#include "gateway/base/result.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace wharf {

// Since 1970-01-01T00:00:00Z; nanoseconds always count forward (0 to 999'999'999). The same shape
// as google.protobuf.Timestamp, whose range is the same too: the years 0001 to 9999.
struct timestamp {
    std::int64_t seconds = 0;
    std::int32_t nanoseconds = 0;

    friend constexpr auto operator<=>(const timestamp&, const timestamp&) noexcept = default;
};

inline constexpr std::int64_t k_timestamp_seconds_min = -62'135'596'800; // 0001-01-01T00:00:00Z
inline constexpr std::int64_t k_timestamp_seconds_max = 253'402'300'799; // 9999-12-31T23:59:59Z

[[nodiscard]] constexpr bool in_range(timestamp t) noexcept {
    return t.seconds >= k_timestamp_seconds_min && t.seconds <= k_timestamp_seconds_max &&
           t.nanoseconds >= 0 && t.nanoseconds < 1'000'000'000;
}

[[nodiscard]] timestamp timestamp_from_us(std::int64_t microseconds_since_1970) noexcept;

// RFC 3339 section 5.6 with upper-case 'T' and 'Z', any offset, up to nine fractional digits. A
// leap second (":60") has no number of its own in this count and is refused.
[[nodiscard]] result<timestamp> parse_rfc3339(std::string_view text);

// In UTC with no, three, six or nine fractional digits, whichever is shortest and exact.
// REQUIRES: in_range(t).
void append_rfc3339(timestamp t, std::string& out);
[[nodiscard]] std::string to_rfc3339(timestamp t);

// A date of the calendar, YYYY-MM-DD.
[[nodiscard]] status check_date(std::string_view text);

} // namespace wharf
