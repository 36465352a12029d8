// Words that came over the wire, made fit for a record and a person. Any thread; cannot fail.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace wharf {

// At most bytes_max bytes of valid UTF-8 without control characters; what is neither becomes '?'.
[[nodiscard]] std::string presentable(std::string_view text, std::size_t bytes_max);

} // namespace wharf
