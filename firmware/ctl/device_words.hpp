// How the verbs about identities are said on the command line.
#pragma once

#include "firmware/ctl/device.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>

namespace wharf::ctl {

using verb = std::function<int(const places&, const console&)>;

// given outlives the parsing and the verb.
void add_devices(CLI::App& app, device_options& given, std::string& identities_file, verb& chosen);

} // namespace wharf::ctl
