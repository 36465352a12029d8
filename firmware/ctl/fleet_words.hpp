// How the verbs of the fleet are said on the command line. Most are those of a single gateway: with
// --fleet they are ordered from every gateway that --on selects.
#pragma once

#include "firmware/ctl/fleet.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>

namespace wharf::ctl {

using verb = std::function<int(const places&, const console&)>;

// A verb's form over the fleet.
struct fleet_form {
    std::function<result<wharf::v1::Command>()> command; // empty: it has none
    answer_printer print;
};

struct fleet_arguments {
    fleet_options how;
    std::string name;
    std::string role = "viewer";
    std::string key;
    std::string path;
    std::string destination;
    std::string level;
    std::uint32_t seconds = 600;
    std::uint32_t watch_s = 0;
    std::uint64_t after = 0;
    std::uint32_t count_max = 100;
    bool verb = false; // one that is for fleets alone
};

// For a verb that there is over the fleet alone.
int only_over_the_fleet(const places& at, const console& to);
// The verb's form is complete when it is run.
[[nodiscard]] verb here_or_over_the_fleet(const fleet_arguments& given, const fleet_form& form);

// --fleet, --on and what belongs to them.
void add_fleet_options(CLI::App& app, fleet_arguments& given);
// fleet list, operator-key, operators, audit, log-level. given, chosen and form outlive the
// parsing and the verb.
void add_fleet(CLI::App& app, fleet_arguments& given, verb& chosen, fleet_form& form);

// Prints rows of a JSON array: heads and, for each, a JSON pointer.
[[nodiscard]] answer_printer rows_of(std::vector<std::pair<std::string, std::string>> columns,
                                     std::string empty);

} // namespace wharf::ctl
