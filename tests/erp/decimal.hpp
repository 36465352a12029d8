// Exact quantities: an integer count of 10^-9 units. The contract allows 18 digits with at most
// nine after the point, so one quantity needs 27 digits and a stock may sum 10^11 of them. Pure.
#pragma once

#include "wharf/v1/event.pb.h"

#include <optional>
#include <string>
#include <string_view>

namespace erp {

__extension__ typedef __int128 nano_units;

// Nothing where the value breaks the schema's bounds.
[[nodiscard]] std::optional<nano_units> to_nano_units(const wharf::v1::Decimal& value);

// As it was sent: coefficient 1250 and scale 2 are "12.50".
[[nodiscard]] std::string decimal_text(const wharf::v1::Decimal& value);

// The reverse of decimal_text; nothing where the text is no decimal within the bounds.
[[nodiscard]] std::optional<wharf::v1::Decimal> parse_decimal(std::string_view text);

// The integer itself, as it is stored.
[[nodiscard]] std::string integer_text(nano_units value);
[[nodiscard]] nano_units parse_integer(std::string_view text);

// For a person: without trailing zeros.
[[nodiscard]] std::string human_text(nano_units value);

} // namespace erp
