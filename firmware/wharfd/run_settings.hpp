// With what a run of the gateway begins: its own file, and the overlay that holds or is on trial.
// Before and between runs; one thread.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/config/overlay.hpp"
#include "gateway/manage/configuration.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace wharf {

// Checked as a whole, also what its parts say to it. Fails with all that is wrong, a line each.
[[nodiscard]] result<effective_config> judged(const std::string& own, const std::string& own_name,
                                              const std::string& overlay);

struct run_settings {
    std::string own; // the gateway's own file, as it was when the process began
    std::string own_name;
    effective_config now;
    manage::configuration_run plan;
    // Why what the fleet wants is not in effect in this run; empty: it is.
    std::string set_aside;
    // What somebody should read in the log.
    std::vector<std::string> told;
};

// how_it_ended: the run before, empty where that is not known. only_look: nothing is written, so no
// trial begins or ends. Fails only where the gateway's own file is not good by itself.
[[nodiscard]] result<run_settings> begin_run(std::string own, std::string own_name,
                                             std::string_view how_it_ended, bool only_look);

} // namespace wharf
