#include "gateway/platform/admin/router.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/base/bytes.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <utility>

namespace wharf::admin {

namespace {

std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> out;
    if (path.starts_with('/')) path.remove_prefix(1);
    while (true) {
        auto slash = path.find('/');
        out.emplace_back(path.substr(0, slash));
        if (slash == std::string_view::npos) return out;
        path.remove_prefix(slash + 1);
    }
}

bool is_parameter(std::string_view segment) {
    return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

std::optional<std::string> decoded(std::string_view segment) {
    std::string out;
    for (std::size_t i = 0; i < segment.size(); ++i) {
        if (segment[i] != '%') {
            out += segment[i];
            continue;
        }
        auto byte = from_hex(segment.substr(i + 1, 2));
        if (!byte || byte->size() != 1) return std::nullopt;
        out += *byte;
        i += 2;
    }
    return out;
}

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string>& segments,
          request& asked) {
    if (pattern.size() != segments.size()) return false;
    asked.parameters.clear();
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (is_parameter(pattern[i])) {
            if (segments[i].empty()) return false;
            asked.parameters[pattern[i].substr(1, pattern[i].size() - 2)] = segments[i];
        } else if (pattern[i] != segments[i]) {
            return false;
        }
    }
    return true;
}

} // namespace

response error_response(int status, std::string_view what) {
    nlohmann::json body = {{"error", what}};
    return {status, body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"};
}

void router::handle(std::string method, std::string_view pattern, handler how) {
    WHARF_ASSERT(pattern.starts_with('/'));
    routes_.push_back({std::move(method), split(pattern), std::move(how)});
}

void router::handle_now(std::string method, std::string_view pattern,
                        std::function<response(const request&)> how) {
    handle(
        std::move(method), pattern,
        [how = std::move(how)](const request& asked, const answer& reply) { reply(how(asked)); });
}

void router::dispatch(request asked, answer reply) const {
    asked.path = asked.path.substr(0, asked.path.find('?'));
    std::vector<std::string> segments;
    for (const auto& raw : split(asked.path)) {
        auto segment = decoded(raw);
        if (!segment) return reply(error_response(400, "the path is not well encoded"));
        segments.push_back(std::move(*segment));
    }
    bool path_known = false;
    for (const auto& each : routes_) {
        if (!fits(each.segments, segments, asked)) continue;
        path_known = true;
        if (each.method == asked.method) return each.how(asked, std::move(reply));
    }
    if (path_known) return reply(error_response(405, asked.method + " is not possible here"));
    reply(error_response(404, "there is nothing at " + asked.path));
}

} // namespace wharf::admin
