// How the verbs about a gateway's own key and its certificates are said on the command line.
#pragma once

#include "firmware/ctl/fleet_words.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace wharf::ctl {

struct keys_arguments {
    std::string which;
    std::string common_name;
    std::vector<std::string> names;
    std::string file;
    bool other_authority = false;
    std::uint32_t within_s = 0;
};

// key, certificate. Everything outlives the parsing and the verb.
void add_keys(CLI::App& app, fleet_arguments& fleet, keys_arguments& given, verb& chosen,
              fleet_form& form);

} // namespace wharf::ctl
