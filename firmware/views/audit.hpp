// The audit trail and the operators, as data. Any thread.
#pragma once

#include "gateway/journal/manage_state.hpp"
#include "wharf/v1/fleet.pb.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace wharf::views {

[[nodiscard]] nlohmann::ordered_json audit_json(const audit_record& record);
// What is wrong with such entries, in the order of their numbers, as links of the chain that ends,
// as the gateway signed, with entry `number` and hash `head`; empty: nothing.
[[nodiscard]] std::string trail_objection(const nlohmann::ordered_json& entries,
                                          std::uint64_t number, std::string_view head);
[[nodiscard]] nlohmann::ordered_json operators_json(const wharf::v1::OperatorRoster& of);
// In the words of `--help`.
[[nodiscard]] std::string code_text(wharf::v1::CommandCode code);
[[nodiscard]] std::string step_text(wharf::v1::CommandStep step);

} // namespace wharf::views
