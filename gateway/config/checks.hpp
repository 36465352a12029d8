// What the settings of several programs have in common: forms of values, the log, and how a
// document is read. Only for this module.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/config/config.hpp"
#include "gateway/config/section.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace wharf::config_detail {

inline constexpr std::string_view k_name_expected =
    "a name of 1 to 32 letters, digits, - or _ in quotation marks";

// Each says what is wrong, or nothing.
[[nodiscard]] std::string check_name(std::string_view text);
[[nodiscard]] std::string check_path(std::string_view text);
[[nodiscard]] std::string check_socket_path(std::string_view text);

void read_log(section in, log_config& to);

// TOML, of bounded size and depth. file_name may be empty: then no line is named.
[[nodiscard]] result<toml::table> read_toml(std::string_view text, std::string_view file_name);

// Fails with everything that is wrong, one line each.
status read_table(const toml::table& document, findings& found,
                  const std::function<void(section root)>& read);
status read_document(std::string_view text, std::string_view file_name, findings& found,
                     const std::function<void(section root)>& read);

} // namespace wharf::config_detail
