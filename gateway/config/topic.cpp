#include "gateway/config/topic.hpp"

#include "gateway/base/limits.hpp"

#include <algorithm>
#include <array>

namespace wharf::config_detail {

std::string check_topic_pattern(std::string_view text) {
    if (text.empty() || text.size() > limits::k_topic_bytes_max)
        return "expected a topic of 1 to " + std::to_string(limits::k_topic_bytes_max) + " bytes";
    if (text.front() == '$') return "expected a topic that does not start with $";
    struct name_count {
        std::string_view name;
        int count = 0;
    };
    std::array<name_count, 3> names{{{"{site}"}, {"{device}"}, {"{stream}"}}};
    while (true) {
        auto slash = text.find('/');
        auto level = text.substr(0, slash);
        bool last = slash == std::string_view::npos;
        auto known = std::find_if(names.begin(), names.end(),
                                  [&](const auto& each) { return each.name == level; });
        if (known != names.end()) {
            ++known->count;
        } else if (level == "#") {
            if (!last) return "expected # only as the last level";
        } else if (level != "+" && level.find_first_of("+#{}") != std::string_view::npos) {
            return "expected each level to be text, +, #, {site}, {device} or {stream}";
        } else if (std::any_of(level.begin(), level.end(), [](char c) {
                       return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
                   })) {
            return "expected a topic without control characters";
        }
        if (last) break;
        text.remove_prefix(slash + 1);
    }
    if (names[1].count != 1) return "expected {device} once";
    if (names[0].count > 1 || names[2].count > 1)
        return "expected {site} and {stream} at most once";
    return {};
}

} // namespace wharf::config_detail
