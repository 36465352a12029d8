// What a route's topic may look like. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace wharf::config_detail {

// Levels are literal text, + (any one level), {site}, {device} or {stream} (any one level, and it
// is that name; each at most once, {device} exactly once); the last may be # (any rest). Says what
// is wrong, or nothing.
[[nodiscard]] std::string check_topic_pattern(std::string_view text);

} // namespace wharf::config_detail
