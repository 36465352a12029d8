// How a roll-out is said on the command line.
#pragma once

#include "firmware/ctl/fleet_words.hpp"
#include "firmware/ctl/rollout.hpp"

namespace wharf::ctl {

// rollout. What is given outlives the parsing and the verb.
void add_rollout(CLI::App& app, fleet_arguments& fleet, rollout_arguments& given, verb& chosen,
                 fleet_form& form);

} // namespace wharf::ctl
