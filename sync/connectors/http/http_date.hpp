// Retry-After (RFC 9110, section 10.2.3). Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace wharf {

// Seconds, or a date in the preferred form ("Sun, 06 Nov 1994 08:49:37 GMT"), as microseconds from
// now; a date that has passed is 0. Nothing where it is neither.
[[nodiscard]] std::optional<std::int64_t> parse_retry_after_us(std::string_view value,
                                                               std::int64_t wall_us);

} // namespace wharf
