// Verbs over the fleet broker: the same command for one gateway or many, signed by the operator's
// key, and what each answers.
#pragma once

#include "firmware/ctl/verbs.hpp"
#include "gateway/ports/keys.hpp"
#include "wharf/v1/fleet.pb.h"

#include <chrono>
#include <functional>
#include <map>
#include <optional>
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
    // Waits for the end of an order that this machine's daemon has only begun.
    std::function<wharf::v1::CommandReport(const places&, const console&, const fleet_options&,
                                           wharf::v1::CommandReport)>
        follow;
    // Adds what depends on the gateway, once the command has its id: a secret, sealed to its key.
    std::function<status(wharf::v1::Command&, const public_key& gateway)> seal;
    // Prints how a command goes that is under way.
    std::function<void(const wharf::v1::CommandReport&, std::ostream&)> progress;
};

// Prints one gateway's answer, where that was good.
using answer_printer = std::function<void(const wharf::v1::CommandReport&, std::ostream&)>;

// The gateways that say something of themselves.
int list_fleet(const fleet_options& how, bool json, const console& to);
// Prints what they report as events and how their health changes, as it comes, until it is
// interrupted or the time is over; 0: no time.
int watch_fleet(const fleet_options& how, bool json, const console& to, std::uint32_t seconds_max);
// Orders it from every gateway that fits, and prints each one's answer under its name.
int order_fleet(const fleet_options& how, bool json, const console& to,
                const wharf::v1::Command& command, const answer_printer& print);
// The same from this machine's daemon, by its socket.
int order_here(const places& at, const fleet_options& how, const console& to,
               wharf::v1::Command command, const answer_printer& print);

// The parts of it. What each gateway is asked, by its state; nothing: it is left out.
using command_maker =
    std::function<std::optional<wharf::v1::Command>(const wharf::v1::GatewayState&)>;
struct fleet_answers {
    std::map<std::string, wharf::v1::CommandReport> by_name; // "site/gateway"
    std::map<std::string, std::string> objections;           // to those that are done
    // JSON of what each said meanwhile, where that was not printed.
    std::map<std::string, std::vector<std::string>> progress;
    bool all_asked = true; // or one was not believed
};
[[nodiscard]] result<fleet_answers> order_each(const fleet_options& how, const console& to,
                                               const command_maker& make);
// What came of it, in words.
[[nodiscard]] std::string answer_text(const wharf::v1::CommandReport& answer);
[[nodiscard]] bool is_good(const wharf::v1::CommandReport& answer);
int print_answers(const fleet_answers& from, bool json, const console& to,
                  const answer_printer& print);
// Those that fit, by name.
struct gateway_view {
    std::string name;
    wharf::v1::GatewayState state;
    std::string complaint; // why it is not believed; empty where it is
};
[[nodiscard]] result<std::vector<gateway_view>> look_at_fleet(const fleet_options& how,
                                                              const console& to);
// A new operator key in a file of its own; prints what the gateways have to know of it.
int make_operator_key(const std::string& path, const console& to);

} // namespace wharf::ctl
