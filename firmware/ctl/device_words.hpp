// How the verbs about identities are said on the command line.
#pragma once

#include "firmware/ctl/device.hpp"
#include "firmware/ctl/fleet_words.hpp"

#include <CLI/CLI.hpp>

#include <string>

namespace wharf::ctl {

// On this gateway, or with --fleet on those that --on selects. Everything outlives the parsing and
// the verb.
void add_devices(CLI::App& app, fleet_arguments& fleet, device_options& given,
                 std::string& identities_file, verb& chosen, fleet_form& form);

} // namespace wharf::ctl
