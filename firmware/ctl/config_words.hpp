// How the verbs of the configuration are said on the command line.
#pragma once

#include "firmware/ctl/config.hpp"
#include "firmware/ctl/fleet_words.hpp"

namespace wharf::ctl {

// config show, get, diff, validate, apply, confirm, revert, drift, clear. What is given outlives
// the parsing and the verb.
void add_config(CLI::App& app, fleet_arguments& fleet, config_arguments& given, verb& chosen,
                fleet_form& form);

} // namespace wharf::ctl
