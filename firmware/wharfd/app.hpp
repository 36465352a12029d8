// wharfd as a whole: makes the parts, connects them, runs until it is told to stop. Wiring, nothing
// else: what the parts do is theirs.
//
//   network thread  the caller of run(): listener, admin server, signals, the watch on the parts
//   journal thread  every write
//   sync thread     delivery
#pragma once

#include "firmware/wharfd/run_settings.hpp"

#include <functional>

namespace wharf {

// How the process ends, for the service manager (sysexits.h).
inline constexpr int k_exit_ok = 0;
inline constexpr int k_exit_usage = 64;
inline constexpr int k_exit_data = 65;     // the journal is damaged: a restart does not help
inline constexpr int k_exit_software = 70; // a commit's outcome is unknown: restart and recover
inline constexpr int k_exit_os = 71;       // the system refused: address in use, no such folder
inline constexpr int k_exit_config = 78;

struct run_end {
    int code = k_exit_ok;    // the reason stands in the log
    bool begin_anew = false; // with another configuration: nobody asked the process to end
};

// Blocks until SIGTERM or SIGINT, or until something ends it. What is put in effect while it runs
// is put into `with`. asked_to_end: whether one of these signals came before, between two runs.
run_end run(run_settings& with, const std::function<bool()>& asked_to_end);

} // namespace wharf
