#include "gateway/access/topic_filter.hpp"

#include <algorithm>

namespace wharf::access {

namespace {

// Walks through the levels of a topic or filter.
class levels {
  public:
    explicit levels(std::string_view of) : rest_(of) {}
    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] std::string_view first() const { return rest_.substr(0, rest_.find('/')); }
    void next() {
        const auto slash = rest_.find('/');
        ended_ = slash == std::string_view::npos;
        rest_ = ended_ ? std::string_view() : rest_.substr(slash + 1);
    }

  private:
    std::string_view rest_;
    bool ended_ = false;
};

bool is_wildcard(std::string_view level) {
    return level == "+" || level == "#";
}

bool is_servers_own(std::string_view first) {
    return first.starts_with('$');
}

} // namespace

bool matches(std::string_view filter, std::string_view topic) {
    levels want(filter);
    levels have(topic);
    if (is_wildcard(want.first()) && is_servers_own(have.first())) return false;
    while (!want.ended()) {
        const auto level = want.first();
        if (level == "#") return true; // also nothing at all: "a/#" matches "a"
        if (have.ended()) return false;
        if (level != "+" && level != have.first()) return false;
        want.next();
        have.next();
    }
    return have.ended();
}

bool includes(std::string_view permitted, std::string_view asked) {
    // Every topic has a first level, so that these two are the same.
    if (asked == "#") asked = "+/#";
    if (permitted == "#") permitted = "+/#";
    levels may(permitted);
    levels want(asked);
    if (is_wildcard(may.first()) && is_servers_own(want.first())) return false;
    while (!may.ended()) {
        const auto level = may.first();
        if (level == "#") return true;
        if (want.ended() || want.first() == "#") return false;
        if (level != "+" && level != want.first()) return false;
        may.next();
        want.next();
    }
    return want.ended();
}

std::string check_filter(std::string_view filter) {
    if (filter.empty()) return "expected a topic filter, found nothing";
    if (filter.find('\0') != std::string_view::npos) return "a topic filter must not hold a NUL";
    if (filter.starts_with("$share/")) return "a shared filter is no right: leave out $share/...";
    for (levels at(filter); !at.ended(); at.next()) {
        const auto level = at.first();
        if (is_wildcard(level)) {
            if (level == "#" && !filter.ends_with('#')) return "'#' is for the last level";
            continue;
        }
        if (level.find_first_of("+#") != std::string_view::npos)
            return "'+' and '#' stand alone in their level";
    }
    const auto first_hash = filter.find('#');
    if (first_hash != std::string_view::npos && first_hash + 1 != filter.size())
        return "'#' is for the last level";
    return {};
}

bool is_one_level(std::string_view text) {
    return !text.empty() && !text.starts_with('$') && std::ranges::none_of(text, [](char c) {
        return c == '/' || c == '+' || c == '#' || static_cast<unsigned char>(c) < 0x20 ||
               c == 0x7f;
    });
}

bool has_placeholder(std::string_view pattern, std::string_view placeholder) {
    return pattern.find(placeholder) != std::string_view::npos;
}

result<std::string> fill(std::string_view pattern, const placeholder_values& values) {
    std::string out;
    while (!pattern.empty()) {
        const auto open = pattern.find('{');
        out += pattern.substr(0, open);
        if (open == std::string_view::npos) break;
        const auto close = pattern.find('}', open);
        const auto name = pattern.substr(
            open, close == std::string_view::npos ? std::string_view::npos : close - open + 1);
        std::string_view value;
        if (name == "{user}")
            value = values.user;
        else if (name == "{client}")
            value = values.client;
        else if (name == "{site}")
            value = values.site;
        else
            return error{errc::invalid, "expected {user}, {client} or {site}, found \"" +
                                            std::string(name) + "\""};
        if (value.empty())
            return error{errc::not_found, "there is nothing to put in for " + std::string(name)};
        if (!is_one_level(value))
            return error{errc::invalid,
                         "what stands for " + std::string(name) + " is not one level of a topic"};
        out += value;
        pattern.remove_prefix(close + 1);
    }
    return out;
}

} // namespace wharf::access
