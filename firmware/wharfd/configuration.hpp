// Performs what operators order of the configuration: validates it, keeps it, puts it in effect, in
// the running gateway where that can be, else by having a new run begun. The network thread only.
#pragma once

#include "firmware/wharfd/run_settings.hpp"
#include "gateway/manage/configuration.hpp"
#include "gateway/platform/configuration_files.hpp"
#include "gateway/platform/fleet/fleet_desk.hpp"
#include "gateway/platform/worker_pool.hpp"
#include "gateway/ports/clock.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace wharf {

class configuration_office {
  public:
    // REQUIRES: they outlive the office; the pool is stopped before it ends.
    struct parts {
        run_settings& with;
        worker_pool& workers;
        clock_port& clock;
        // To these settings, from which the present ones differ in live keys alone.
        std::function<void(const config&)> change_live;
        // Soon, when what is said of it has left.
        std::function<void()> begin_anew;
    };
    explicit configuration_office(parts with);

    // REQUIRES: it outlives what runs. Before the first run().
    void report_to(fleet_desk& desk) { desk_ = &desk; }
    // False: it is no command of the configuration.
    bool run(const manage::act::run& what);
    // About once a second.
    void tick();
    void add_to(wharf::v1::GatewayState& state) const;
    [[nodiscard]] const std::string& problem() const { return machine_.problem(); }

  private:
    [[nodiscard]] manage::configuration_time now() const;
    void perform();
    void perform(manage::configure::keep& one);
    void perform(manage::configure::use& one);
    void perform(manage::configure::done& one);
    void perform(manage::configure::tell& one);
    void finish(manage::ticket of, manage::command_outcome outcome);
    void show(manage::ticket of, std::uint64_t version);
    void validate(manage::ticket of, const std::string& overlay);
    void apply(manage::configuration_order by, std::string overlay, std::uint32_t confirm_within_s,
               std::optional<std::uint64_t> over_version);
    void revert(const manage::configuration_order& by,
                const wharf::v1::ConfigurationRevertCommand& what);
    [[nodiscard]] std::string outcome_json() const;

    parts with_;
    configuration_files files_;
    manage::configuration_machine machine_;
    effective_config next_;   // what is applied
    effective_config before_; // what holds while something is on trial live
    fleet_desk* desk_ = nullptr;
};

} // namespace wharf
