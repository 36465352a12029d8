#include "gateway/ingest/topics.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/codec/validate.hpp"

#include <algorithm>
#include <array>

namespace wharf {

namespace {

// The rest of the text up to the next '/', which is taken too.
std::string_view next_level(std::string_view& rest) noexcept {
    const auto size = std::min(rest.find('/'), rest.size());
    const auto out = rest.substr(0, size);
    rest.remove_prefix(std::min(size + 1, rest.size()));
    return out;
}

std::size_t count_levels(std::string_view topic) noexcept {
    return static_cast<std::size_t>(std::count(topic.begin(), topic.end(), '/')) + 1;
}

error bad_template(std::string_view text, std::string_view why) {
    return {errc::invalid, "topic \"" + std::string(text) + "\": " + std::string(why)};
}

} // namespace

// --- making it
// -------------------------------------------------------------------------------------

result<router::level> router::compile_level(std::string_view text) {
    constexpr std::array<std::pair<std::string_view, name>, 3> k_names = {{
        {"{site}", name::site},
        {"{device}", name::device},
        {"{stream}", name::stream},
    }};
    if (text == "+") return level{{}, name::any, {}};
    if (text == "#") return level{{}, name::rest, {}};
    if (text.find_first_of("+#") != text.npos)
        return error{errc::invalid, "'+' and '#' stand for whole levels"};
    const auto open = text.find('{');
    if (open == text.npos) {
        if (text.find('}') != text.npos) return error{errc::invalid, "'}' without '{'"};
        return level{std::string(text), name::none, {}};
    }
    const auto close = text.find('}', open);
    if (close == text.npos) return error{errc::invalid, "'{' without '}'"};
    const auto placeholder = text.substr(open, close + 1 - open);
    const auto* known = std::find_if(k_names.begin(), k_names.end(),
                                     [&](const auto& each) { return each.first == placeholder; });
    if (known == k_names.end()) {
        return error{errc::invalid, "unknown placeholder " + std::string(placeholder) +
                                        "; expected {site}, {device} or {stream}"};
    }
    const auto suffix = text.substr(close + 1);
    if (suffix.find_first_of("{}") != suffix.npos)
        return error{errc::invalid, "a level has at most one placeholder"};
    return level{std::string(text.substr(0, open)), known->second, std::string(suffix)};
}

result<router::compiled_route> router::compile(route source) {
    const auto refuse = [&](std::string_view why) { return bad_template(source.topic, why); };
    if (source.topic.empty()) return refuse("is empty");
    if (source.topic.size() > limits::k_topic_bytes_max)
        return refuse("is longer than " + std::to_string(limits::k_topic_bytes_max) + " bytes");

    compiled_route out;
    std::array<int, 6> seen{};
    std::string_view rest = source.topic;
    for (auto left = count_levels(source.topic); left > 0; --left) {
        auto compiled = compile_level(next_level(rest));
        if (!compiled) return refuse(compiled.failure().message);
        if (compiled->what == name::rest && left > 1) return refuse("'#' is for the last level");
        ++seen[static_cast<std::size_t>(compiled->what)];
        out.levels.push_back(std::move(*compiled));
    }
    for (const auto& [what, placeholder, fixed] :
         {std::tuple{name::site, "site", &source.site},
          std::tuple{name::device, "device", &source.device},
          std::tuple{name::stream, "stream", &source.stream}}) {
        const auto times = seen[static_cast<std::size_t>(what)];
        const std::string shown = std::string("{") + placeholder + "}";
        if (times > 1) return refuse(shown + " stands there more than once");
        if (times == 1 && !fixed->empty())
            return refuse(shown + " and a fixed " + placeholder + " are both given");
        if (times == 1) continue;
        if (fixed->empty() && what != name::device) continue;
        if (fixed->empty())
            return refuse("neither " + shown + " nor a fixed " + placeholder + " is given");
        if (auto good = check_name(placeholder, *fixed); !good.ok())
            return refuse(good.failure().message);
    }
    out.source = std::move(source);
    return out;
}

result<router> make_router(std::vector<route> routes) {
    if (routes.empty()) return error{errc::invalid, "expected at least one route"};
    if (routes.size() > limits::k_routes_max) {
        return error{errc::too_large,
                     "expected at most " + std::to_string(limits::k_routes_max) + " routes"};
    }
    router out;
    for (std::size_t i = 0; i < routes.size(); ++i) {
        auto compiled = router::compile(std::move(routes[i]));
        if (!compiled) return std::move(compiled).failure().in("route " + std::to_string(i + 1));
        out.routes_.push_back(std::move(*compiled));
    }
    return out;
}

std::vector<route> default_routes() {
    return {
        {.topic = "wharf/1/{site}/{device}/{stream}.pb", .codec = codec_kind::protobuf},
        {.topic = "wharf/1/{site}/{device}/{stream}.pbs", .codec = codec_kind::protobuf_batch},
        {.topic = "wharf/1/{site}/{device}/{stream}", .codec = codec_kind::json},
    };
}

// --- matching
// --------------------------------------------------------------------------------------

bool router::take(const level& expected, std::string_view text, topic_match& out) noexcept {
    if (expected.what == name::none) return text == expected.prefix;
    if (expected.what == name::any) return true;
    const auto fixed = expected.prefix.size() + expected.suffix.size();
    if (text.size() <= fixed || !text.starts_with(expected.prefix) ||
        !text.ends_with(expected.suffix))
        return false;
    const auto value = text.substr(expected.prefix.size(), text.size() - fixed);
    switch (expected.what) {
    case name::site:
        out.site = value;
        break;
    case name::device:
        out.device = value;
        break;
    case name::stream:
        out.stream = value;
        break;
    case name::any:
    case name::rest:
    case name::none:
        break;
    }
    return true;
}

bool router::take_all(const compiled_route& expected, std::string_view topic,
                      topic_match& out) noexcept {
    auto left = count_levels(topic);
    for (const auto& each : expected.levels) {
        // As in MQTT, "a/#" is also "a".
        if (each.what == name::rest) return true;
        if (left == 0) return false;
        --left;
        if (!take(each, next_level(topic), out)) return false;
    }
    return left == 0;
}

std::optional<topic_match> router::match(std::string_view topic) const noexcept {
    for (const auto& each : routes_) {
        topic_match out{each.source.codec, each.source.site, each.source.device, each.source.stream,
                        each.source.profile};
        if (take_all(each, topic, out)) return out;
    }
    return std::nullopt;
}

} // namespace wharf
