// Topic filters as rights: whether one stays inside another, and how a name is put into one. MQTT 5
// section 4.7 says what a filter matches. Any thread.
#pragma once

#include "gateway/base/result.hpp"

#include <string>
#include <string_view>

namespace wharf::access {

// The filter matches the topic. Wildcards at the front do not match a topic that begins with $
// [MQTT-4.7.2-1].
[[nodiscard]] bool matches(std::string_view filter, std::string_view topic);

// Every topic that `asked` matches is matched by `permitted`. Where it is not sure it says no.
// REQUIRES: both are well formed.
[[nodiscard]] bool includes(std::string_view permitted, std::string_view asked);

// What is wrong with a filter, or nothing [MQTT-4.7.1-1 to 4.7.1-3]. Shared filters are none here.
[[nodiscard]] std::string check_filter(std::string_view filter);

// Text that may stand in the place of {user}, {client} or {site}: it can never be more than one
// level, a wildcard, or the beginning of the server's own topics.
[[nodiscard]] bool is_one_level(std::string_view text);

struct placeholder_values {
    std::string_view user; // empty: there is none, and what needs it is no right
    std::string_view client;
    std::string_view site;
};

// Puts the values in. errc::not_found where a needed one is empty, errc::invalid where it is not
// one level or the placeholder is unknown.
[[nodiscard]] result<std::string> fill(std::string_view pattern, const placeholder_values& values);
// Whether the pattern has this placeholder, as "{client}".
[[nodiscard]] bool has_placeholder(std::string_view pattern, std::string_view placeholder);

} // namespace wharf::access
