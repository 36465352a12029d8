// Where an operator's tool finds the fleet, as a file: docs/fleet.md has an example. Pure; any
// thread.
#pragma once

#include "gateway/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace wharf {

struct operator_config {
    std::string url; // ssl://, wss:// or tcp:// with its port
    bool tls = false;
    std::string http_proxy;
    std::string ca_file; // empty: the system's
    std::string certificate_file;
    std::string certificate_key_file;
    std::string user;
    std::string password_file;
    std::string operator_key;   // the private key that signs commands
    std::string known_gateways; // which keys belong to which gateways; grows
    std::uint32_t connect_timeout_s = 15;
};

[[nodiscard]] result<operator_config> parse_operator_config(std::string_view text,
                                                            std::string_view file_name);

} // namespace wharf
