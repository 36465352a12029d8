// Tells systemd how the service is doing: sd_notify(3)'s protocol, a datagram to $NOTIFY_SOCKET.
// Does nothing where there is no service manager. Any thread.
#pragma once

#include "gateway/base/result.hpp"

#include <string>
#include <string_view>

namespace wharf {

// "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=..."; several joined by line feeds. errc::io where
// the manager's socket refuses: worth a line in the log, no more.
status notify_service_manager(std::string_view state);

// Whether it wants to hear "WATCHDOG=1" time and again (WatchdogSec= of the unit).
bool service_manager_watches();
// Words to it: be patient while a new run recovers; and be as the unit says again.
[[nodiscard]] std::string patient_watchdog();
[[nodiscard]] std::string usual_watchdog();

} // namespace wharf
