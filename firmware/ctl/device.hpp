// The verbs about identities: passwd and device. Each changes the identities file, safely and with
// the rest of it left as it is, and asks the running wharfd to read it again.
#pragma once

#include "firmware/ctl/fleet.hpp"
#include "firmware/ctl/verbs.hpp"

#include <string>
#include <vector>

namespace wharf::ctl {

struct device_options {
    std::string name;
    bool generate = false;
    std::string password_file; // its first line; empty: asked for, or of a pipe
    bool no_password = false;
    bool both = false;
    std::vector<std::string> certificates;
    std::vector<std::string> publish; // none: the settings'
    std::vector<std::string> subscribe;
    std::vector<std::string> clients;
    std::string after; // of a list over the fleet
};

// Generated, of a file, or asked for: to be wiped.
[[nodiscard]] result<std::string> password_for(const device_options& options);
int set_password(const places& at, const console& to, const device_options& options);
int list_devices(const places& at, const console& to);
int add_device(const places& at, const console& to, const device_options& options);
int remove_device(const places& at, const console& to, const std::string& name);
int enable_device(const places& at, const console& to, const std::string& name, bool enabled);
int reload_devices(const places& at, const console& to);

// Over the fleet: a new one, or another password for one that is there. The password is sealed to
// each gateway's key.
int put_device(const places& at, const fleet_options& how, const console& to,
               const device_options& options, bool only_password);

} // namespace wharf::ctl
