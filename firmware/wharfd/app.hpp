// wharfd as a whole: makes the parts, connects them, runs until it is told to stop. Wiring, nothing
// else: what the parts do is theirs.
//
//   network thread  the caller of run(): listener, admin server, signals, the watch on the parts
//   journal thread  every write
//   sync thread     delivery
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/config/config.hpp"

#include <memory>

namespace wharf {

// How the process ends, for the service manager (sysexits.h).
inline constexpr int k_exit_ok = 0;
inline constexpr int k_exit_usage = 64;
inline constexpr int k_exit_data = 65;     // the journal is damaged: a restart does not help
inline constexpr int k_exit_software = 70; // a commit's outcome is unknown: restart and recover
inline constexpr int k_exit_os = 71;       // the system refused: address in use, no such folder
inline constexpr int k_exit_config = 78;

// Blocks until SIGTERM or SIGINT, or until something ends it; returns the exit code, the reason
// stands in the log.
int run(const config& with);

} // namespace wharf
