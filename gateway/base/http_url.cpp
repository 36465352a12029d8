#include "gateway/base/http_url.hpp"

#include "gateway/base/limits.hpp"

#include <algorithm>
#include <charconv>

namespace wharf {

namespace {

constexpr std::uint16_t k_http_port = 80;
constexpr std::uint16_t k_https_port = 443;

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_hex(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_alnum(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_ipv4(std::string_view text) noexcept {
    int parts = 0;
    while (true) {
        auto dot = text.find('.');
        auto part = text.substr(0, dot);
        if (part.empty() || part.size() > 3 || !std::all_of(part.begin(), part.end(), is_digit))
            return false;
        if (part.size() > 1 && part.front() == '0') return false;
        int value = 0;
        std::from_chars(part.data(), part.data() + part.size(), value);
        if (value > 255 || ++parts > 4) return false;
        if (dot == std::string_view::npos) return parts == 4;
        text.remove_prefix(dot + 1);
    }
}

// RFC 4291, section 2.2, without the forms that mix in an IPv4 address.
bool is_ipv6(std::string_view text) noexcept {
    if (text.size() < 2 || text.size() > 39) return false;
    int groups = 0;
    int digits = 0;
    bool gap = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_hex(text[i])) {
            if (++digits > 4) return false;
            if (digits == 1) ++groups;
            continue;
        }
        if (text[i] != ':') return false;
        if (i + 1 < text.size() && text[i + 1] == ':') {
            if (gap) return false;
            gap = true;
            ++i;
        } else if (digits == 0 || i + 1 == text.size()) {
            return false; // a lone colon at either end
        }
        digits = 0;
    }
    return gap ? groups < 8 : groups == 8;
}

bool is_host_name(std::string_view text) noexcept {
    if (text.empty() || text.size() > 253) return false;
    bool letter = false;
    char previous = '.';
    for (char c : text) {
        if (!is_alnum(c) && c != '-' && c != '.') return false;
        if (c == '.' && previous == '.') return false;
        if (!is_digit(c) && c != '.') letter = true;
        previous = c;
    }
    return letter && previous != '.';
}

error malformed(std::string_view why) {
    return {errc::invalid, "expected http[s]://host[:port][/path], " + std::string(why)};
}

} // namespace

bool is_ip_address(std::string_view text) noexcept {
    return is_ipv4(text) || is_ipv6(text);
}

bool is_loopback(std::string_view host) noexcept {
    return host == "localhost" || host == "::1" || (is_ipv4(host) && host.starts_with("127."));
}

result<http_url> parse_http_url(std::string_view text) {
    if (text.size() > limits::k_url_bytes_max) return malformed("but it is too long");
    http_url url;
    url.tls = text.starts_with("https://");
    if (!url.tls && !text.starts_with("http://"))
        return malformed("but it starts with neither http:// nor https://");
    text.remove_prefix(url.tls ? 8 : 7);
    if (url.tls) url.port = k_https_port;

    auto slash = text.find('/');
    auto authority = text.substr(0, slash);
    auto path = slash == std::string_view::npos ? std::string_view{} : text.substr(slash);
    for (char c : path)
        if (c <= ' ' || c > '~' || c == '?' || c == '#' || c == '"' || c == '<' || c == '>')
            return malformed("but the path has a query, a fragment or an illegal character");
    while (path.ends_with('/'))
        path.remove_suffix(1);

    url.path = path;
    std::string_view port;
    bool has_port = false;
    if (authority.starts_with('[')) {
        auto end = authority.find(']');
        if (end == std::string_view::npos) return malformed("but the ] is missing");
        url.host = authority.substr(1, end - 1);
        if (!is_ipv6(url.host)) return malformed("but the host is not an IPv6 address");
        auto after = authority.substr(end + 1);
        if (!after.empty() && after.front() != ':') return malformed("but text follows the ]");
        has_port = !after.empty();
        if (has_port) port = after.substr(1);
    } else {
        auto colon = authority.find(':');
        url.host = authority.substr(0, colon);
        has_port = colon != std::string_view::npos;
        if (has_port) port = authority.substr(colon + 1);
        if (!is_ipv4(url.host) && !is_host_name(url.host))
            return malformed("but the host is neither a name nor an address");
    }
    if (has_port) {
        auto [end, code] = std::from_chars(port.data(), port.data() + port.size(), url.port);
        if (code != std::errc{} || end != port.data() + port.size() || url.port == 0)
            return malformed("but the port is not a number from 1 to 65535");
    }
    return url;
}

std::string http_url::authority() const {
    std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (port != (tls ? k_https_port : k_http_port)) out += ":" + std::to_string(port);
    return out;
}

std::string to_string(const http_url& url) {
    return (url.tls ? "https://" : "http://") + url.authority() + url.path;
}

} // namespace wharf
