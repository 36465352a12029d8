// Where a broker of somebody else is: tcp://host[:port], ssl://host[:port],
// wss://host[:port][/path]. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace wharf::config_detail {

struct broker_url {
    std::string text; // with its port
    std::string host;
    bool tls = false;
    bool websocket = false;
};

// Nothing where it is none of them. Ports: 1883, 8883, 443.
[[nodiscard]] std::optional<broker_url> parse_broker_url(std::string_view text);

} // namespace wharf::config_detail
