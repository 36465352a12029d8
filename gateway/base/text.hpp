// Text from outside, before a person or a terminal sees it. Any thread; cannot fail.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace wharf {

// The character at the front: its bytes, and whether it may be shown as it is. Not to be shown are
// control characters (C0, DEL, C1), line and paragraph separators, what changes the direction of
// writing (Unicode bidi controls), and bytes that are not UTF-8.
struct text_unit {
    std::size_t bytes = 0;
    bool shown = false;
};
// REQUIRES: not empty.
[[nodiscard]] text_unit next_unit(std::string_view text) noexcept;

// With a question mark for each that may not be shown.
[[nodiscard]] std::string printable(std::string_view text);

} // namespace wharf
