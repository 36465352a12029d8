// Brings one overlay to many gateways in waves: on trial, watched, then confirmed or taken back.
#pragma once

#include "firmware/ctl/fleet.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace wharf::ctl {

struct rollout_arguments {
    std::string file;
    std::vector<std::string> from; // selectors: what these run
    bool back = false;
    std::string waves = "1,10%,100%";
    std::uint32_t waves_max = 0; // 0: all
    std::uint32_t gate_s = 60;
    std::uint32_t confirm_within_s = 0; // 0: as long as it takes
    std::uint32_t failures_max = 0;
    bool dry_run = false;
};

// Finding: a gateway failed, or could not be asked, or it was cut off.
int roll_out(const fleet_options& how, bool json, const console& to,
             const rollout_arguments& given);

} // namespace wharf::ctl
