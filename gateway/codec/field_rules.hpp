// Rules that hold for a field whatever event it is in, and the names of fields for their errors.
// Used by validate alone. Any thread.
#pragma once

#include "gateway/base/result.hpp"
#include "wharf/v1/event.pb.h"

#include <cstdint>
#include <string_view>

namespace wharf {

namespace flat {
class quantity_view;
}

// Where a field is. Lives on the stack of the one who checks; becomes text only for an error.
struct place {
    const place* parent = nullptr;
    std::string_view field = {};
    int index = -1;

    [[nodiscard]] std::string to_string() const;
};

[[nodiscard]] error unexpected(const place& at, std::string_view expectation,
                               std::string_view got = {});

// No C0, DEL or C1 control characters.
[[nodiscard]] bool is_plain_text(std::string_view text) noexcept;
// The same, and UTF-8.
[[nodiscard]] bool is_plain_utf8(std::string_view text) noexcept;
// How long a field of the schema may be.
[[nodiscard]] std::size_t text_bytes_max(const google::protobuf::FieldDescriptor& field);
// Digits whose last is the GS1 check digit of the others (GS1 General Specifications, 7.9).
[[nodiscard]] bool has_gs1_check_digit(std::string_view digits) noexcept;

[[nodiscard]] status check_required(const place& parent, std::string_view field,
                                    std::string_view value);
[[nodiscard]] status check_gtin(const place& at, std::string_view value);
[[nodiscard]] status check_sscc(const place& at, std::string_view value);

enum class sign : std::uint8_t { not_zero, not_negative, more_than_zero };
[[nodiscard]] status check_quantity(const place& at, const wharf::v1::Quantity& value, sign wanted);
[[nodiscard]] status check_quantity(const place& at, const flat::quantity_view& value, sign wanted);

// Every text, time, decimal and enum below the message, by its own form alone. Decimals become
// canonical.
[[nodiscard]] status check_forms(const place* at, google::protobuf::Message& message);

} // namespace wharf
