// The other side of a broker, for the peers: a persistent session that makes a broker keep what is
// published, and later drains it.
#pragma once

#include <cstdint>
#include <string>

namespace bench {

// Subscribes at QoS 1 under this id in a session that outlives the connection, and leaves.
void leave_subscription(std::uint16_t port, const std::string& client_id,
                        const std::string& filter);

struct drain_report {
    std::uint64_t received = 0;
    double seconds = 0;
};
// Resumes that session and acknowledges what comes, until so many came or none for `idle_s`.
[[nodiscard]] drain_report drain(std::uint16_t port, const std::string& client_id,
                                 std::uint64_t count, double idle_s);

// Subscribes in a clean session and takes what comes, so long.
[[nodiscard]] drain_report listen(std::uint16_t port, const std::string& client_id,
                                  const std::string& filter, unsigned qos, double seconds);

} // namespace bench
