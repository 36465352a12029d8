// The health gate of a roll-out: from what a gateway said of itself before and with an overlay on
// trial, whether that overlay is to be confirmed. Pure; one thread; cannot fail.
#pragma once

#include "wharf/v1/fleet.pb.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace wharf::ctl {

struct destination_facts {
    std::string circuit; // closed, half_open, open, stopped
    bool paused = false;
    std::uint64_t waiting = 0; // pending, and not behind a dead letter
    std::uint64_t applied = 0;
    std::uint64_t dead = 0;
    double oldest_waiting_s = 0;
    std::string last_error;
};

// Of one signed state.
struct gateway_facts {
    bool there = false; // not gone, and believed
    std::string complaint;
    std::string health;
    std::vector<std::string> reasons;
    std::uint64_t version = 0;
    bool on_trial = false;
    std::string problem; // why an overlay was given up
    std::map<std::string, destination_facts> destinations;
    std::map<std::string, std::string> critical; // alarms: code and subject, text
};
[[nodiscard]] gateway_facts facts_of(const wharf::v1::GatewayState& state,
                                     const std::string& complaint);

// What is worse with the overlay than it was before, in words. begun: the first state with it on
// trial.
[[nodiscard]] std::vector<std::string> judge(const gateway_facts& before,
                                             const gateway_facts& begun, const gateway_facts& now,
                                             double gate_s);

// What is wrong with it whatever it was before, in words. Warnings are not: of a clock, say, no
// overlay knows anything.
[[nodiscard]] std::vector<std::string> unwell(const gateway_facts& now);

// A wave on trial. Times are seconds that never go back.
class wave_watch {
  public:
    explicit wave_watch(double gate_s) : gate_s_(gate_s) {}

    void expect(const std::string& gateway, gateway_facts before, std::uint64_t version);
    void fail(const std::string& gateway, std::string why);
    void on_state(const std::string& gateway, gateway_facts now, double at_s);

    // Every gateway runs with it on trial, or has failed.
    [[nodiscard]] bool all_seen() const { return unseen_ == 0; }
    [[nodiscard]] std::size_t seen_count() const;
    // The gate is open for gate_s from now on; who was not seen until now has failed.
    void begin_gate(double at_s);
    // Each that has not failed was heard of after gate_s.
    [[nodiscard]] bool heard_of_all() const { return unheard_ == 0; }
    [[nodiscard]] bool watched_long_enough(double at_s) const { return at_s >= until_s_; }
    // Gateways that failed for good, or were worse for half of the gate.
    [[nodiscard]] std::size_t failing(double at_s) const;
    // At the end of the gate those that are worse have failed too; where it was whole, also those
    // that were not heard of.
    void end_gate(bool whole);
    [[nodiscard]] const std::map<std::string, std::vector<std::string>>& failures() const {
        return failures_;
    }
    // As far as is known; 0: it never came so far.
    [[nodiscard]] std::uint64_t version_of(const std::string& gateway) const;

  private:
    struct member {
        gateway_facts before;
        gateway_facts begun;
        std::uint64_t version = 0;
        bool seen = false;
        bool heard = false; // after the gate
        std::optional<double> worse_since_s;
        std::vector<std::string> findings;
    };
    [[nodiscard]] bool has_failed(const std::string& gateway) const {
        return failures_.contains(gateway);
    }

    double gate_s_;
    double until_s_ = 0;
    bool gate_begun_ = false;
    std::map<std::string, member> members_;
    std::map<std::string, std::vector<std::string>> failures_;
    std::size_t unseen_ = 0;
    std::size_t unheard_ = 0;
};

} // namespace wharf::ctl
