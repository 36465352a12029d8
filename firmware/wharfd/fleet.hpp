// The desk of wharfd and what performs its commands, put together, and the fleet channel where one
// is configured. The network thread only.
#pragma once

#include "firmware/wharfd/commands.hpp"
#include "firmware/wharfd/commands_keys.hpp"
#include "firmware/wharfd/configuration.hpp"
#include "firmware/wharfd/device_office.hpp"
#include "gateway/observe/alarms.hpp"
#include "gateway/ports/clock.hpp"
#include "gateway/ports/random.hpp"

#include <functional>
#include <memory>
#include <string>

namespace wharf {

class fleet_office {
  public:
    // REQUIRES: what `with` names, clock and random outlive it. With a fleet it reads or makes the
    // gateway's key and, where the journal has no operators, reads the first. password: empty for
    // none.
    static result<std::unique_ptr<fleet_office>> make(command_runner::parts with,
                                                      configuration_office::parts configuring,
                                                      device_office::parts over,
                                                      keys_office::parts keeping,
                                                      random_port& random, std::string password);

    void start();
    void stop(std::uint32_t wait_ms) { desk_->stop(wait_ms); }
    void on_answer(const manage_done& answer);
    // False: it is somebody else's.
    bool on_answer(const quarantine_discarded& answer) { return runner_.on_answer(answer); }
    bool on_answer(const quarantine_released& answer) { return runner_.on_answer(answer); }
    bool on_answer(const gateway_ended& answer) { return device_.on_answer(answer); }
    [[nodiscard]] fleet_desk& desk() { return *desk_; }
    // An event for the fleet.
    void tell(const observe::alarm_change& change);
    [[nodiscard]] configuration_office& configuration() { return configuration_; }
    [[nodiscard]] const configuration_office& configuration() const { return configuration_; }
    [[nodiscard]] device_office& device() { return device_; }
    [[nodiscard]] const device_office& device() const { return device_; }
    // About once a second.
    void tick();
    // Whether something that was said, or is being done, has not reached the broker yet.
    [[nodiscard]] bool has_more_to_say() const;

  private:
    fleet_office(command_runner::parts with, configuration_office::parts configuring,
                 device_office::parts over, keys_office::parts keeping)
        : runner_(std::move(with)), configuration_(std::move(configuring)),
          device_(std::move(over)), keys_(std::move(keeping)) {}

    command_runner runner_;
    configuration_office configuration_;
    device_office device_;
    keys_office keys_;
    std::unique_ptr<fleet_desk> desk_;
};

} // namespace wharf
