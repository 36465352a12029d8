// Verbs over the fleet broker: the same command for one gateway or many, signed by the operator's
// key, and what each answers.
#pragma once

#include "firmware/ctl/verbs.hpp"
#include "wharf/v1/fleet.pb.h"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace wharf::ctl {

struct fleet_options {
    std::string config_file;     // empty: this machine's daemon is asked
    std::vector<std::string> on; // selectors; a gateway has to fit all of them
    std::uint32_t timeout_s = 30;
    std::string reason;
    bool accept_changed_keys = false;
    // What is wrong with a good answer, by what the gateway said of itself; empty: nothing.
    std::function<std::string(const wharf::v1::CommandReport&, const wharf::v1::GatewayState&)>
        objection;
};

// Prints one gateway's answer, where that was good.
using answer_printer = std::function<void(const wharf::v1::CommandReport&, std::ostream&)>;

// The gateways that say something of themselves.
int list_fleet(const fleet_options& how, bool json, const console& to);
// Orders it from every gateway that fits, and prints each one's answer under its name.
int order_fleet(const fleet_options& how, bool json, const console& to, wharf::v1::Command command,
                const answer_printer& print);
// The same from this machine's daemon, by its socket.
int order_here(const places& at, const fleet_options& how, const console& to,
               wharf::v1::Command command, const answer_printer& print);
// A new operator key in a file of its own; prints what the gateways have to know of it.
int make_operator_key(const std::string& path, const console& to);

} // namespace wharf::ctl
