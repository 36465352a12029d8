// The address of a destination, taken apart, and what an address means for safety. Any thread.
#pragma once

#include "gateway/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace wharf {

struct http_url {
    std::string host;        // without the brackets of an IPv6 address
    std::uint16_t port = 80; // of https 443
    std::string path;        // empty or "/base", never with a slash at its end
    bool tls = false;        // https

    // For the Host header (RFC 9110, section 7.2).
    [[nodiscard]] std::string authority() const;
};

// http://host[:port][/path], or https. No user, query or fragment.
[[nodiscard]] result<http_url> parse_http_url(std::string_view text);
[[nodiscard]] std::string to_string(const http_url& url);

// An IPv4 or IPv6 address in numbers.
[[nodiscard]] bool is_ip_address(std::string_view text) noexcept;
// An address of this machine alone, or the name localhost.
[[nodiscard]] bool is_loopback(std::string_view host) noexcept;

} // namespace wharf
