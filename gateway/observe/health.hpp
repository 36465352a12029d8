// Whether the gateway does its work, with the reasons in words. Pure; any thread.
#pragma once

#include "gateway/observe/snapshot.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace wharf::observe {

enum class health_state : std::uint8_t {
    ok,
    degraded, // events are taken and safe, but somebody should look
    failing,  // events are not taken
};
[[nodiscard]] std::string_view to_string(health_state state) noexcept;

struct health {
    health_state state = health_state::ok;
    std::vector<std::string> reasons; // worst first
    // For /healthz: degraded is alive, so that nobody restarts a gateway that only waits for its
    // ERP.
    [[nodiscard]] int http_status() const noexcept {
        return state == health_state::failing ? 503 : 200;
    }
};

[[nodiscard]] health judge(const gateway_snapshot& now);
[[nodiscard]] std::string health_json(const health& of);
// Everything of the snapshot, with its health: for `wharfctl status`.
[[nodiscard]] std::string status_json(const gateway_snapshot& now);

} // namespace wharf::observe
