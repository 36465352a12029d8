// Performs what operators order of keys, certificates and the identities of devices. Files and
// passwords go to a worker; what changes something is done in its turn, one after the other. Each
// change can be done again: a command that is run again after a crash finds what it did. The
// network thread only.
#pragma once

#include "gateway/config/config.hpp"
#include "gateway/platform/access/access_desk.hpp"
#include "gateway/platform/fleet/device_key.hpp"
#include "gateway/platform/fleet/fleet_desk.hpp"
#include "gateway/platform/tls/pair_files.hpp"
#include "gateway/platform/worker_pool.hpp"
#include "gateway/ports/clock.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace wharf {

class keys_office {
  public:
    // REQUIRES: they outlive the office; the pool is stopped before it ends.
    struct parts {
        const config& settings;
        access_desk& access;
        worker_pool& workers;
        clock_port& clock;
        // Reads the listener's certificate again, and says what is wrong with it.
        std::function<void(std::function<void(const std::string& why)>)> reload_listener;
    };
    explicit keys_office(parts with) : with_(std::move(with)) {}

    // REQUIRES: it outlives what runs. Before the first run(). key: none without a fleet.
    void report_to(fleet_desk& desk, std::optional<device_key> key);
    // False: it is no command of this office.
    bool run(const manage::act::run& what);
    // About once a second.
    void tick();
    void add_to(wharf::v1::GatewayState& state) const;

  private:
    using work = std::function<manage::command_outcome()>;
    using next_step = std::function<void(manage::command_outcome)>;

    // One after the other: `job` ends with end() or leave().
    void in_turn(std::function<void()> job);
    void begin_next();
    // The next one may begin.
    void leave();
    void end(manage::ticket of, manage::command_outcome outcome);
    void on_worker(work what, next_step then);

    // commands_devices.cpp
    [[nodiscard]] bool has_identities(manage::ticket of);
    void list_devices(const manage::act::run& what);
    void change_devices(const manage::act::run& what);
    [[nodiscard]] work device_work(const manage::act::run& what);

    void rotate(const manage::act::run& what);

    // commands_certificates.cpp
    struct pair_choice {
        std::string which;
        tls::pair_files files;
        bool server = false;
        std::string authorities_file; // empty: they are not known
    };
    // A new pair is in place, and it is being seen whether it is good.
    struct trial {
        manage::ticket of = 0;
        pair_choice pair;
        std::string command;
        manage::command_outcome good;
        std::int64_t until_us = 0;
        std::optional<std::string> verdict; // why it is not; empty: it is
        bool settling = false;
    };
    [[nodiscard]] result<pair_choice> pair_of(const std::string& which) const;
    void request_certificate(const manage::act::run& what);
    void install_certificate(const manage::act::run& what);
    void begin_trial(trial next, std::uint32_t within_s);
    void judge_trial(manage::ticket of, const std::string& why);
    void settle_trial();

    parts with_;
    fleet_desk* desk_ = nullptr;
    std::optional<device_key> key_;
    std::deque<std::function<void()>> line_;
    bool busy_ = false;
    std::set<manage::ticket> sealed_; // commands with a secret that is sealed to the present key
    std::optional<trial> trial_;
};

// What a process that ended left of a certificate's change is brought to an end: before anybody
// reads certificates. What could not be is said.
[[nodiscard]] std::vector<std::string> settle_certificates(const config& settings);

} // namespace wharf
