// An exact decimal number: coefficient * 10^-scale, at most 18 digits of which at most 9 stand
// after the point. Quantities are never floats. Always in canonical form: no trailing zeros after
// the point, zero has scale 0, so that equal numbers are equal member by member. Any thread; a text
// or a pair that is not such a number is an error that says what was expected.
#pragma once

#include "gateway/base/result.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace wharf {

class decimal {
  public:
    constexpr decimal() noexcept = default;

    // Optional '-', digits, optionally '.' and digits. No exponent, no '+', no spaces, no leading
    // zero before another digit, no "-0". Trailing zeros after the point are accepted and dropped.
    [[nodiscard]] static result<decimal> parse(std::string_view text);
    [[nodiscard]] static result<decimal> make(std::int64_t coefficient, std::uint32_t scale);

    [[nodiscard]] constexpr std::int64_t coefficient() const noexcept { return coefficient_; }
    [[nodiscard]] constexpr std::uint32_t scale() const noexcept { return scale_; }
    [[nodiscard]] constexpr bool is_zero() const noexcept { return coefficient_ == 0; }
    [[nodiscard]] constexpr bool is_negative() const noexcept { return coefficient_ < 0; }

    void append_to(std::string& out) const;
    [[nodiscard]] std::string to_string() const;

    friend constexpr bool operator==(const decimal&, const decimal&) noexcept = default;
    friend std::strong_ordering operator<=>(const decimal& a, const decimal& b) noexcept;

  private:
    constexpr decimal(std::int64_t coefficient, std::uint32_t scale) noexcept
        : coefficient_(coefficient), scale_(scale) {}

    std::int64_t coefficient_ = 0;
    std::uint32_t scale_ = 0;
};

} // namespace wharf
