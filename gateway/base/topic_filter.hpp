// MQTT topics and topic filters by level (MQTT 5 section 4.7). Any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace wharf {

// The first level, and what is behind its slash; ended: there is no further level.
struct topic_split {
    std::string_view level;
    std::string_view rest;
    bool ended;
};
[[nodiscard]] topic_split split_topic(std::string_view topic);

// The filter's levels may stand for the topic's. Wildcards stand for no first level that begins
// with "$" [MQTT-4.7.2-1]. REQUIRES: a well-formed filter, a topic without wildcards.
[[nodiscard]] bool filter_fits(std::string_view filter, std::string_view topic);

[[nodiscard]] std::size_t topic_levels(std::string_view topic);

} // namespace wharf
