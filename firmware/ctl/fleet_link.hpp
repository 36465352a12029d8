// An operator's tool in its fleet: one connection, what each gateway last said of itself, and
// signed orders with their answers. One thread.
#pragma once

#include "firmware/ctl/fleet.hpp"
#include "firmware/ctl/known_gateways.hpp"
#include "gateway/config/operator.hpp"
#include "gateway/platform/fleet/operator_client.hpp"
#include "gateway/ports/keys.hpp"

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace wharf::ctl {

struct gateway_seen {
    std::string topic; // without its last level
    wharf::v1::GatewayState state;
    public_key key;
    std::string complaint; // why it is not believed; empty where it is
    bool ended = false;    // decommissioned or reset: these are its last words
};

struct fleet_order {
    wharf::v1::Command command;
    std::string bytes; // signed
    std::chrono::steady_clock::time_point again;
    std::chrono::seconds pause{};      // until it is sent once more
    wharf::v1::CommandReport answer;   // with step DONE: it is over
    std::vector<std::string> progress; // JSON, where nobody looks at it meanwhile
    std::int64_t progress_us = 0;      // when the last of it was said
};

// What one message was, by the gateway that sent it; empty: not that.
struct fleet_news {
    std::string state_of;
    std::string answer_of; // an order of this gateway is over
    std::string event_of;
    wharf::v1::GatewayEvent event; // signed by its gateway, and not heard before
};

class fleet_link {
  public:
    // All that are in the fleet have said how they are when it returns. patient: a connection that
    // is lost is made again.
    static result<fleet_link> reach(const fleet_options& how, const console& to,
                                    bool patient = false);

    [[nodiscard]] const std::map<std::string, gateway_seen>& gateways() const { return gateways_; }
    [[nodiscard]] result<std::vector<std::string>> select(const std::vector<std::string>& on) const;
    // Known from before, and the broker has no state of them.
    [[nodiscard]] std::vector<std::string> missing() const;
    // What is wrong with who signs; before anything is ordered.
    status read_key();

    // From now on states of these are looked at as they come; of others the last is kept.
    void watch(const std::vector<std::string>& names);
    // The same of all, also of those that are new; and what they report as events.
    status follow();
    // In place of all orders before. REQUIRES: read_key(); each name is that of a gateway.
    status order(std::map<std::string, wharf::v1::Command> commands);
    // Takes one message where there is one. Sends again what nothing was heard of.
    result<fleet_news> pump(std::chrono::milliseconds wait);
    // Until all answered or the time is over.
    status await_answers(std::chrono::steady_clock::time_point end);
    [[nodiscard]] std::size_t open() const { return open_; }
    std::map<std::string, fleet_order>& orders() { return orders_; }
    // What is known of gateways by now.
    status remember() const { return known_.write(); }

  private:
    fleet_link(const fleet_options& how, const console& to) : how_(&how), to_(to) {}
    status collect(std::chrono::milliseconds quiet);
    status ask_by_name();
    status reach_again(const error& why);
    std::string take_state(const fleet_message& message, bool now);
    void read_state(const std::string& name, const std::string& topic, const std::string& payload);
    std::string key_objection(const std::string& name, const public_key& key,
                              const wharf::v1::GatewayState& state);
    std::string take_event(const fleet_message& message, wharf::v1::GatewayEvent& out);
    result<std::string> take_answer(const fleet_message& message);
    void take_progress(fleet_order& one, const std::string& name,
                       const wharf::v1::CommandReport& report);
    status sign_and_send(const gateway_seen& at, fleet_order& one);
    status send_again();

    const fleet_options* how_;
    console to_;
    bool patient_ = false;
    operator_config settings_;
    known_gateways known_;
    std::unique_ptr<operator_client> broker_;
    std::vector<std::string> filters_;
    std::map<std::string, gateway_seen> gateways_; // by "site/gateway"
    std::set<std::string, std::less<>> watched_;
    bool all_watched_ = false;
    struct events_heard {
        std::string key;
        std::set<std::uint64_t> numbers; // the last of them
    };
    std::map<std::string, events_heard> events_; // of each gateway
    std::map<std::string, std::string> unread_;  // the last state of those that nobody watches
    private_key key_;
    std::map<std::string, fleet_order> orders_;
    std::unordered_map<std::string, std::string> names_by_id_; // of orders that are open
    std::size_t open_ = 0;
    std::vector<fleet_message> held_; // signed by a key that may prove to be a gateway's next one
    std::deque<fleet_message> again_;
    std::chrono::steady_clock::time_point looked_;
};

} // namespace wharf::ctl
