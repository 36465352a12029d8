// Base64 as RFC 4648 section 4 has it: the standard alphabet, with padding. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace wharf {

void append_base64(std::string_view bytes, std::string& out);
// Nothing where the text is not the one encoding of some bytes.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

} // namespace wharf
