// Where an ERP is. Any thread; an address that cannot be used is an error that says what to write.
#pragma once

#include "gateway/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace wharf {

struct http_endpoint {
    std::string host; // without brackets
    std::uint16_t port = 80;
    std::string base; // "" or "/path" without a slash at its end
    bool loopback = false;

    // For the Host header (RFC 9110, section 7.2).
    [[nodiscard]] std::string authority() const;
};

// http://host[:port][/base]. errc::unsupported for https, errc::invalid otherwise.
[[nodiscard]] result<http_endpoint> parse_http_url(std::string_view url);

} // namespace wharf
