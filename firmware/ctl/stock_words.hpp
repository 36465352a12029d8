// How the verbs that are about stock on its way, and about seeing what a gateway does, are said on
// the command line.
#pragma once

#include "firmware/ctl/fleet_words.hpp"
#include "wharf/v1/fleet.pb.h"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>

namespace wharf::ctl {

struct stock_arguments {
    wharf::v1::TraceCommand trace;
    int trace_by = 0; // how many things are looked for
    std::string lane;
    std::uint64_t number = 0;
    std::uint32_t requests_per_s = 0;
    std::uint32_t seconds = 600;
    std::uint32_t tail_s = 60;
    std::string level = "info";
    std::string file;
};

// pause, resume, rate-limit, trace, quarantine release, log-tail, support-bundle. `quarantine`
// is there already. Everything outlives the parsing and the verb.
void add_stock(CLI::App& app, fleet_arguments& given, stock_arguments& stock, verb& chosen,
               fleet_form& form);

} // namespace wharf::ctl
