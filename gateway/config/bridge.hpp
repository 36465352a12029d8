// The settings of wharf-bridge as values, and how they are read: as wharfd's are (parse.hpp).
// docs/bridge.md says what each key means. Pure; any thread.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/config/config.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wharf {

struct site_broker_config {
    std::string name;
    std::string url; // tcp://host:port or ssl://host:port
    bool tls = false;
    std::string client_id; // "wharf-<bridge>-<broker>" where none is given
    std::string user;
    std::string password_file;
    std::string ca_file; // empty: the system's
    std::string certificate_file;
    std::string key_file;
    std::vector<std::string> topics; // filters
    bool mqtt5 = true;
    std::uint16_t keep_alive_s = 60;
    std::uint32_t session_expiry_h = 168;
    std::uint32_t connect_timeout_s = 10;
    std::uint32_t backoff_min_ms = 500;
    std::uint32_t backoff_max_ms = 60'000;
    bool packet_ids_not_reused = false;
};

struct bridge_config {
    std::string name;
    std::string socket = "/run/wharf-bridge/bridge.sock";
    std::vector<site_broker_config> brokers;
    log_config log;
    std::vector<std::string> warnings;
};

[[nodiscard]] result<bridge_config> parse_bridge_config(std::string_view text,
                                                        std::string_view file_name);

// MQTT 5 section 4.7: what a topic filter may be. Says what is wrong, or nothing.
[[nodiscard]] std::string check_topic_filter(std::string_view text);

} // namespace wharf
