#include "gateway/config/topic.hpp"

#include "gateway/ingest/topics.hpp"

namespace wharf::config_detail {

std::string check_topic_pattern(std::string_view text) {
    auto made = make_router({{.topic = std::string(text)}});
    return made.ok() ? std::string() : made.failure().message;
}

} // namespace wharf::config_detail
