// How the verbs that are about a gateway as a whole, and the device beneath it, are said on the
// command line.
#pragma once

#include "firmware/ctl/fleet_words.hpp"
#include "wharf/v1/fleet.pb.h"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>

namespace wharf::ctl {

struct machine_arguments {
    bool end = false;
    std::uint32_t within_s = 600;
    std::string name;
    bool lose = false;
    std::string exported;
    wharf::v1::UpdateCommand update;
    std::string sha256; // in hexadecimal digits
};

// drain, restart, reboot, update, factory-reset, decommission. Everything outlives the parsing and
// the verb.
void add_machine(CLI::App& app, fleet_arguments& given, machine_arguments& machine, verb& chosen,
                 fleet_form& form);

} // namespace wharf::ctl
