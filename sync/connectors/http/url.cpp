#include "sync/connectors/http/url.hpp"

#include <algorithm>
#include <charconv>

namespace wharf {

namespace {

error bad(std::string_view url, std::string_view why) {
    return {errc::invalid, "\"" + std::string(url) + "\": " + std::string(why) +
                               ", expected http://host[:port][/base]"};
}

// 127.0.0.0/8, ::1 and the name that stands for them.
bool is_loopback(std::string_view host) {
    if (host == "localhost" || host == "::1") return true;
    if (!host.starts_with("127.")) return false;
    int parts = 0;
    while (!host.empty()) {
        const auto dot = std::min(host.find('.'), host.size());
        unsigned value = 0;
        const auto part = host.substr(0, dot);
        const auto [end, failure] = std::from_chars(part.data(), part.data() + part.size(), value);
        if (failure != std::errc{} || end != part.data() + part.size() || value > 255) return false;
        ++parts;
        host.remove_prefix(std::min(dot + 1, host.size()));
    }
    return parts == 4;
}

bool is_host(std::string_view host, bool bracketed) {
    return !host.empty() && std::ranges::all_of(host, [&](char c) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
        return plain || (bracketed && c == ':');
    });
}

} // namespace

std::string http_endpoint::authority() const {
    auto out = host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (port != 80) out += ":" + std::to_string(port);
    return out;
}

result<http_endpoint> parse_http_url(std::string_view url) {
    if (url.starts_with("https://"))
        return error{errc::unsupported,
                     "\"" + std::string(url) +
                         "\": TLS is not built in yet; use http:// to a loopback address"};
    constexpr std::string_view scheme = "http://";
    if (!url.starts_with(scheme)) return bad(url, "unknown scheme");
    auto rest = url.substr(scheme.size());
    http_endpoint out;
    const auto slash = std::min(rest.find('/'), rest.size());
    auto authority = rest.substr(0, slash);
    auto base = rest.substr(slash);
    while (base.ends_with('/'))
        base.remove_suffix(1);
    const bool clean = std::ranges::all_of(
        base, [](char c) { return c > ' ' && c < 0x7f && c != '?' && c != '#'; });
    if (!clean) return bad(url, "the path has a query, a fragment or a character to be escaped");
    out.base = base;
    const bool bracketed = authority.starts_with('[');
    if (bracketed) {
        const auto close = authority.find(']');
        if (close == std::string_view::npos) return bad(url, "']' is missing");
        out.host = authority.substr(1, close - 1);
        authority.remove_prefix(close + 1);
    } else {
        const auto colon = std::min(authority.find(':'), authority.size());
        out.host = authority.substr(0, colon);
        authority.remove_prefix(colon);
    }
    if (!is_host(out.host, bracketed)) return bad(url, "the host is missing or malformed");
    if (!authority.empty()) {
        const auto digits = authority.substr(1);
        unsigned port = 0;
        const auto [end, failure] =
            std::from_chars(digits.data(), digits.data() + digits.size(), port);
        if (authority[0] != ':' || failure != std::errc{} || end != digits.data() + digits.size() ||
            port == 0 || port > 65535)
            return bad(url, "the port is not a number from 1 to 65535");
        out.port = static_cast<std::uint16_t>(port);
    }
    out.loopback = is_loopback(out.host);
    return out;
}

} // namespace wharf
