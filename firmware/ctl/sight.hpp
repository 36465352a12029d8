// Traces, the log's lines and support bundles, as a person at a terminal sees or keeps them.
#pragma once

#include "firmware/ctl/fleet.hpp"
#include "firmware/ctl/verbs.hpp"
#include "wharf/v1/fleet.pb.h"

#include <iosfwd>
#include <string>

namespace wharf::ctl {

// From the journal itself, live or a copy.
int show_trace(const places& at, const console& to, const wharf::v1::TraceCommand& asked);
// The same, as a gateway answered it.
void print_trace(const wharf::v1::CommandReport& report, std::ostream& out);

// What it says in words.
void print_message(const wharf::v1::CommandReport& report, std::ostream& out);
void print_log_lines(const wharf::v1::CommandReport& progress, std::ostream& out);
void print_log_end(const wharf::v1::CommandReport& report, std::ostream& out);

// Of this machine's gateway. The file must not be there; "-" is standard output.
int save_bundle(const places& at, const console& to, const std::string& file);
// Into <file>.<site>.<gateway>.json. What cannot be written is thrown, as a std::runtime_error.
[[nodiscard]] answer_printer bundle_saver(const std::string& file);

} // namespace wharf::ctl
