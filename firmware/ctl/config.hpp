// What gateways run with: shown, compared, changed on trial and confirmed, over the fleet; and on
// the gateway itself for a bad day.
#pragma once

#include "firmware/ctl/fleet.hpp"
#include "gateway/config/config.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace wharf::ctl {

struct config_arguments {
    std::string file;
    std::optional<std::uint64_t> version;
    std::optional<std::uint64_t> over_version;
    std::uint32_t confirm_within_s = 120;
    bool auto_confirm = false;
};

// On this machine: its own file, what is laid over it, what was given up.
int show_own_config(const places& at, const console& to);
// The settings that a gateway with this file of its own runs with, as far as they can be read.
[[nodiscard]] config in_effect(config own, const places& at);
// The fleet's overlay away: by the running daemon, or by its files where none runs.
int clear_own_config(const places& at, const console& to);

// Over the fleet.
[[nodiscard]] wharf::v1::Command get_config(const config_arguments& given);
void print_config(const wharf::v1::CommandReport& report, std::ostream& out);
void print_overlay(const wharf::v1::CommandReport& report, std::ostream& out);
int diff_config(const fleet_options& how, bool json, const console& to,
                const config_arguments& given);
int validate_config(const fleet_options& how, bool json, const console& to,
                    const config_arguments& given);
int apply_config(const fleet_options& how, bool json, const console& to,
                 const config_arguments& given);
int confirm_config(const fleet_options& how, bool json, const console& to,
                   const config_arguments& given);
int revert_config(const fleet_options& how, bool json, const console& to,
                  const config_arguments& given);
// Finding: a gateway that does not run it.
int find_config_drift(const fleet_options& how, bool json, const console& to,
                      const config_arguments& given);

} // namespace wharf::ctl
