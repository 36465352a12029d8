// Performs what operators order of the gateway as a whole and of the device beneath it: drain,
// restart, the end of the gateway, reboot, update. What takes longer than this run is found again
// in the next one. The network thread only.
#pragma once

#include "gateway/config/config.hpp"
#include "gateway/journal/journal.hpp"
#include "gateway/observe/snapshot.hpp"
#include "gateway/platform/fleet/fleet_desk.hpp"
#include "gateway/platform/journal_thread.hpp"
#include "gateway/ports/clock.hpp"
#include "gateway/ports/device.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wharf {

// As the state and `describe` name them.
[[nodiscard]] std::vector<std::string> names_of(const std::vector<device_ability>& can);

class device_office {
  public:
    // REQUIRES: they outlive the office.
    struct parts {
        const config& settings;
        const journal& log;
        journal_thread& writer;
        clock_port& clock;
        device_port& device;
        std::function<observe::gateway_snapshot()> look;
        // In order; what is acknowledged is safe. Again without harm.
        std::function<void()> close_doors;
        // And nobody is left behind them.
        std::function<bool()> doors_shut;
        // Nothing new is sent to anybody.
        std::function<void(const std::string& why)> end_delivery;
        // Soon, when what was said has left.
        std::function<void(const std::string& why)> begin_anew;
        // Its last words are said: its key is destroyed and a new run begins.
        std::function<void()> forget_key;
    };
    explicit device_office(parts with);

    // REQUIRES: it outlives what runs. Before the first run().
    void report_to(fleet_desk& desk) { desk_ = &desk; }
    // Once, when the run has begun.
    void start();
    // False: it is no command of this office.
    bool run(const manage::act::run& what);
    // The journal's answers to what was asked for here; true where they were.
    bool on_answer(const manage_done& answer);
    bool on_answer(const gateway_ended& answer);
    // About once a second.
    void tick();
    void add_to(wharf::v1::GatewayState& state) const;
    void add_to(observe::gateway_snapshot& now) const;
    // The fleet broker has the last words of a gateway that has ended.
    void last_said() { with_.forget_key(); }

  private:
    struct waiting_drain {
        manage::ticket of = 0;
        std::int64_t until_us = 0; // journal time
        std::string told;
    };
    struct waiting_reboot {
        manage::ticket of = 0;
        std::int64_t until_us = 0; // monotonic
    };

    void finish(manage::ticket of, wharf::v1::CommandCode code, std::string message,
                std::string json = {});
    void go_on_alone(manage::ticket of);
    void submit(manage_ops ops, std::function<void()> then);
    [[nodiscard]] bool refuses(const manage::act::run& what);
    void describe(manage::ticket of);

    // office_drain.cpp
    void drain(const manage::act::run& what);
    void end_drain(manage::ticket of);
    void tick_drains();
    void restart(const manage::act::run& what);

    // office_end.cpp
    void factory_reset(const manage::act::run& what);
    void decommission(const manage::act::run& what);
    void end(manage::ticket of, end_request request);
    void tick_end();
    void reset_device();

    // office_device.cpp
    using with_facts = std::function<void(const device_facts&)>;
    void look_at_device(with_facts then);
    // Refused with words where it cannot.
    void able(manage::ticket of, device_ability ability, with_facts then);
    void reboot(const manage::act::run& what);
    void reboot_now(manage::ticket of, const std::string& id);
    void update(const manage::act::run& what);
    void tell_step(manage::ticket of, const device_step& step);

    parts with_;
    fleet_desk* desk_ = nullptr;
    const std::optional<wharf::v1::GatewayEnd> ended_; // before this run
    bool ends_now_ = false;                            // in this run
    std::optional<wharf::v1::Drain> drain_;
    std::vector<waiting_drain> drains_;
    std::vector<waiting_reboot> reboots_;
    std::map<std::uint64_t, std::function<void()>> then_; // by token
    struct ending {
        manage::ticket of = 0;
        std::shared_ptr<std::string> report;
    };
    std::map<std::uint64_t, ending> ends_; // by token
    device_facts facts_;
    std::string work_; // what is under way, in words
    std::string step_; // of an update, and when it was told
    std::int64_t step_us_ = 0;
    const std::int64_t began_us_;
    std::int64_t reset_again_us_ = 0;
    // Above those of the other runner.
    std::uint64_t last_token_ = std::uint64_t{3} << 62;
};

} // namespace wharf
