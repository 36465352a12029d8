// How a stored value is checked: the CRC-32C of key and content stands before the content, so that
// a value read under another key fails as well as a damaged one. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace wharf {

[[nodiscard]] std::string frame(std::string_view key, std::string_view content);

// The content (a view into value), or nothing where the checksum does not hold.
[[nodiscard]] std::optional<std::string_view> unframe(std::string_view key, std::string_view value);

} // namespace wharf
