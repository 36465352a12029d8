// What is ordered of a gateway as a whole and of the device beneath it: how its end is waited for
// on the gateway itself, and what shows that a journal was exported.
#pragma once

#include "firmware/ctl/fleet.hpp"
#include "firmware/ctl/verbs.hpp"
#include "wharf/v1/fleet.pb.h"

#include <cstdint>
#include <iosfwd>
#include <string>

namespace wharf::ctl {

// Such an order outlives the daemon's run: its end is looked for in the audit trail. The report
// with the outcome, or the one given where the time is over.
[[nodiscard]] wharf::v1::CommandReport follow_here(const places& at, const console& to,
                                                   const fleet_options& how,
                                                   wharf::v1::CommandReport begun);
// A line for each step.
void print_progress(const wharf::v1::CommandReport& report, std::ostream& out);
// Reads an export as a whole; puts into the command what it says of itself.
status add_export(const std::string& file, wharf::v1::DecommissionCommand& to);

} // namespace wharf::ctl
