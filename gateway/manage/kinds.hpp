// The commands there are: what each is called, who may give it, whether it changes something. Any
// thread.
#pragma once

#include "wharf/v1/fleet.pb.h"

#include <string_view>

namespace wharf::manage {

struct command_kind {
    wharf::v1::Command::WhatCase which = wharf::v1::Command::WHAT_NOT_SET;
    std::string_view name; // of the field in Command.what
    wharf::v1::OperatorRole role = wharf::v1::OPERATOR_ROLE_ADMIN;
    // It is journaled before it is done, and its outcome with what it did. The others may be asked
    // again without harm.
    bool changes = true;
};

// nullptr where this program does not know it.
[[nodiscard]] const command_kind* kind_of(const wharf::v1::Command& command);
[[nodiscard]] const command_kind* kind_named(std::string_view name);
[[nodiscard]] std::string_view to_string(wharf::v1::OperatorRole role);

} // namespace wharf::manage
