// One wave of a roll-out, over the fleet broker: ordered, seen, watched, and confirmed or taken
// back. One thread.
#pragma once

#include "firmware/ctl/fleet_link.hpp"
#include "firmware/ctl/gate.hpp"
#include "firmware/ctl/rollout.hpp"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace wharf::ctl {

// How long something took, by the clock on the wall.
struct wave_times {
    double order_s = 0;
    double seen_s = 0;
    double gate_s = 0;
    double end_s = 0;
};
struct wave_outcome {
    bool confirmed = false; // else every gateway was taken back
    std::vector<std::string> gateways;
    std::map<std::string, std::vector<std::string>> failures;
    std::size_t to_go_back = 0; // so many were told to
    std::size_t back = 0;       // and so many were seen to be
    // Confirmed before one could not be: they keep it.
    std::size_t kept = 0;
    wave_times took;
};

struct wave_settings {
    // On trial, for so long: what is ordered from this gateway.
    std::function<wharf::v1::Command(const wharf::v1::GatewayState&)> command;
    std::uint32_t gate_s = 60;
    std::uint32_t timeout_s = 30;
    std::size_t failures_max = 0; // that are left in this roll-out
    std::function<void()> while_waiting;
};

class rollout_wave {
  public:
    // say: a line for people, about how far it is.
    rollout_wave(fleet_link& link, const wave_settings& how,
                 std::function<void(const std::string&)> say)
        : link_(link), how_(how), say_(std::move(say)), watch_(how.gate_s) {}

    result<wave_outcome> run(const std::vector<std::string>& gateways);

  private:
    using clock = std::chrono::steady_clock;
    [[nodiscard]] bool too_many(double at_s) const {
        return watch_.failing(at_s) > how_.failures_max;
    }
    [[nodiscard]] double now_s() const;
    status put_on_trial();
    status wait_until_seen();
    status hold_gate();
    status confirm();
    status take_back(const std::vector<std::string>& which);
    result<std::string> look(std::chrono::milliseconds wait);
    void take_answer(const std::string& name, const wharf::v1::CommandReport& answer,
                     gateway_facts before);
    status wait_for_states(const std::function<bool(const wharf::v1::GatewayState&)>& good,
                           std::vector<std::string> of);
    void tell(const std::string& what, std::size_t count, std::size_t of);

    fleet_link& link_;
    const wave_settings& how_;
    std::function<void(const std::string&)> say_;
    wave_watch watch_;
    std::set<std::string> confirmed_;
    wave_outcome out_;
    clock::time_point begun_ = clock::now();
    clock::time_point told_ = begun_;
    std::size_t missing_ = 0; // after wait_for_states
};

} // namespace wharf::ctl
