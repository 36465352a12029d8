// Which topic means which codec, site, device and stream. Any thread after it was made; a route
// that cannot work is an error when the router is made, a topic without a route is nothing.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/codec/event_codec.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wharf {

// A template such as "wharf/1/{site}/{device}/{stream}.pb": levels of literal text, each with at
// most one of {site}, {device}, {stream} or {*} (anything, not kept). What stands for a name takes
// at least one byte and none of '/'.
struct route {
    std::string topic;
    codec_kind codec = codec_kind::json;
    // For topics that do not say it; a template that has the placeholder leaves it empty. The
    // device is always known from one of the two; site and stream may stay empty.
    std::string site = {};
    std::string device = {};
    std::string stream = {};
    // The profile of what comes this way; where empty, profiles match by device and stream.
    std::string profile = {};
};

struct topic_match {
    codec_kind codec = codec_kind::json;
    // They live as long as the topic and the router.
    std::string_view site;
    std::string_view device;
    std::string_view stream;
    std::string_view profile;
};

class router {
  public:
    // The first route that matches, in the order they were given.
    [[nodiscard]] std::optional<topic_match> match(std::string_view topic) const noexcept;

  private:
    friend result<router> make_router(std::vector<route> routes);

    enum class name : std::uint8_t { none, any, rest, site, device, stream };
    // A level: literal text, or a name between two literals.
    struct level {
        std::string prefix;
        name what = name::none;
        std::string suffix;
    };
    struct compiled_route {
        route source;
        std::vector<level> levels;
    };

    static result<level> compile_level(std::string_view text);
    static result<compiled_route> compile(route source);
    static bool take(const level& expected, std::string_view text, topic_match& out) noexcept;
    static bool take_all(const compiled_route& expected, std::string_view topic,
                         topic_match& out) noexcept;

    std::vector<compiled_route> routes_;
};

[[nodiscard]] result<router> make_router(std::vector<route> routes);

// wharf/1/{site}/{device}/{stream}, with .pb for protobuf and .pbs for a protobuf batch.
[[nodiscard]] std::vector<route> default_routes();

} // namespace wharf
