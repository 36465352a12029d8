#include "gateway/access/rights.hpp"

#include <algorithm>

namespace wharf::access {

namespace {

status fill_all(const std::vector<std::string>& patterns, const placeholder_values& values,
                std::vector<std::string>& out) {
    for (const std::string& pattern : patterns) {
        auto filled = fill(pattern, values);
        if (filled.ok())
            out.push_back(std::move(filled).value());
        else if (filled.failure().code != errc::not_found)
            return std::move(filled).failure();
    }
    return ok();
}

// Glob with * alone, in time linear to the text for each star.
bool fits_glob(std::string_view pattern, std::string_view text) {
    std::size_t at = 0;
    std::size_t in = 0;
    std::size_t star = std::string_view::npos;
    std::size_t from = 0;
    while (in < text.size()) {
        if (at < pattern.size() && pattern[at] == '*') {
            star = at++;
            from = in;
        } else if (at < pattern.size() && pattern[at] == text[in]) {
            ++at;
            ++in;
        } else if (star != std::string_view::npos) {
            at = star + 1;
            in = ++from;
        } else {
            return false;
        }
    }
    while (at < pattern.size() && pattern[at] == '*')
        ++at;
    return at == pattern.size();
}

} // namespace

result<rights> rights::make(const std::vector<std::string>& publish,
                            const std::vector<std::string>& subscribe,
                            const placeholder_values& values) {
    rights out;
    WHARF_TRY(fill_all(publish, values, out.publish_));
    WHARF_TRY(fill_all(subscribe, values, out.subscribe_));
    return out;
}

bool rights::may_publish(std::string_view topic) {
    if (topic.empty()) return false;
    if (allowed_[last_] == topic) return true;
    for (std::size_t i = 0; i < allowed_.size(); ++i)
        if (allowed_[i] == topic) {
            last_ = i;
            return true;
        }
    const bool may = std::ranges::any_of(
        publish_, [topic](const std::string& filter) { return matches(filter, topic); });
    if (may) {
        last_ = next_;
        next_ = (next_ + 1) % allowed_.size();
        allowed_[last_].assign(topic);
    }
    return may;
}

bool rights::may_subscribe(std::string_view filter) const {
    return std::ranges::any_of(
        subscribe_, [filter](const std::string& permitted) { return includes(permitted, filter); });
}

bool may_use_client(const std::vector<std::string>& patterns, const placeholder_values& values,
                    std::string_view client_id) {
    if (patterns.empty()) return true;
    return std::ranges::any_of(patterns, [&](const std::string& pattern) {
        const auto filled = fill(pattern, values);
        return filled.ok() && fits_glob(*filled, client_id);
    });
}

} // namespace wharf::access
