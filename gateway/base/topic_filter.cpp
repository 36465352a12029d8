#include "gateway/base/topic_filter.hpp"

#include <algorithm>

namespace wharf {

topic_split split_topic(std::string_view topic) {
    const auto slash = topic.find('/');
    if (slash == std::string_view::npos) return {topic, {}, true};
    return {topic.substr(0, slash), topic.substr(slash + 1), false};
}

bool filter_fits(std::string_view filter, std::string_view topic) {
    if (topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#')))
        return false;
    while (true) {
        if (filter == "#") return true;
        const auto wanted = split_topic(filter);
        const auto given = split_topic(topic);
        if (wanted.level != "+" && wanted.level != given.level) return false;
        if (wanted.ended || given.ended)
            return (wanted.ended && given.ended) || (given.ended && wanted.rest == "#");
        filter = wanted.rest;
        topic = given.rest;
    }
}

std::size_t topic_levels(std::string_view topic) {
    return 1 + static_cast<std::size_t>(std::ranges::count(topic, '/'));
}

} // namespace wharf
