// What is signed, and for what: a purpose in front of the bytes, so that a signature made for one
// thing is none for another. Any thread.
#pragma once

#include "gateway/ports/keys.hpp"
#include "wharf/v1/fleet.pb.h"

#include <string>
#include <string_view>

namespace wharf::manage {

// The bytes that are signed.
[[nodiscard]] std::string command_to_sign(std::string_view command);
[[nodiscard]] std::string report_to_sign(std::string_view report);
// For HPKE: what a secret in this command is sealed for.
[[nodiscard]] std::string secret_info(std::string_view command_id);

// Adds a signature.
status sign_command(wharf::v1::SignedCommand& command, const private_key& by);
result<wharf::v1::SignedReport> sign_report(std::string report, const private_key& by);
[[nodiscard]] bool is_signed_by(const wharf::v1::SignedReport& report, const public_key& by);

// Of what is the same in each attempt of a command: nonce and expiry are not.
[[nodiscard]] sha256_digest content_digest(const wharf::v1::Command& command);

} // namespace wharf::manage
