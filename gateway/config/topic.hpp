// What a route's topic may look like: what gateway/ingest/topics.hpp takes. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace wharf::config_detail {

// Says what is wrong, or nothing.
[[nodiscard]] std::string check_topic_pattern(std::string_view text);

} // namespace wharf::config_detail
