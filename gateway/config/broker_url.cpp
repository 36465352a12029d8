#include "gateway/config/broker_url.hpp"

#include "gateway/base/http_url.hpp"

#include <array>

namespace wharf::config_detail {

namespace {

struct scheme {
    std::string_view text;
    std::string_view port;
    bool tls;
    bool websocket;
};
constexpr std::array k_schemes = {scheme{"tcp://", "1883", false, false},
                                  scheme{"ssl://", "8883", true, false},
                                  scheme{"wss://", "443", true, true}};

} // namespace

std::optional<broker_url> parse_broker_url(std::string_view text) {
    for (const scheme& one : k_schemes) {
        if (!text.starts_with(one.text)) continue;
        const auto rest = text.substr(one.text.size());
        // What stands before a path in an http address is what stands here.
        const auto parsed = parse_http_url("http://" + std::string(rest));
        if (!parsed.ok()) return std::nullopt;
        if (!one.websocket && (!parsed->path.empty() || rest.ends_with('/'))) return std::nullopt;
        const auto authority = rest.substr(0, rest.find('/'));
        const auto bracket = authority.rfind(']');
        const bool has_port =
            authority.find(':', bracket == authority.npos ? 0 : bracket) != authority.npos;
        broker_url out;
        out.host = parsed->host;
        out.tls = one.tls;
        out.websocket = one.websocket;
        const bool v6 = out.host.find(':') != out.host.npos;
        out.text = std::string(one.text) + (v6 ? "[" + out.host + "]" : out.host) + ":" +
                   (has_port ? std::to_string(parsed->port) : std::string(one.port)) + parsed->path;
        return out;
    }
    return std::nullopt;
}

} // namespace wharf::config_detail
