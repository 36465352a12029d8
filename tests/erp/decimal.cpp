#include "tests/erp/decimal.hpp"

#include <algorithm>
#include <cstdint>

namespace erp {
namespace {

constexpr std::uint32_t k_scale_max = 9;
constexpr std::size_t k_digits_max = 18;
constexpr std::int64_t k_coefficient_max = 999'999'999'999'999'999;

bool all_digits(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string with_point(std::string digits, std::size_t scale) {
    if (scale == 0) return digits;
    if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
    digits.insert(digits.size() - scale, 1, '.');
    return digits;
}

} // namespace

std::optional<nano_units> to_nano_units(const wharf::v1::Decimal& value) {
    const std::int64_t coefficient = value.coefficient();
    if (value.scale() > k_scale_max || coefficient > k_coefficient_max ||
        coefficient < -k_coefficient_max) {
        return std::nullopt;
    }
    nano_units units = coefficient;
    for (std::uint32_t scale = value.scale(); scale < k_scale_max; ++scale)
        units *= 10;
    return units;
}

std::string decimal_text(const wharf::v1::Decimal& value) {
    std::string digits = std::to_string(value.coefficient());
    const bool negative = digits.front() == '-';
    if (negative) digits.erase(0, 1);
    return (negative ? "-" : "") + with_point(std::move(digits), value.scale());
}

std::optional<wharf::v1::Decimal> parse_decimal(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const std::size_t point = text.find('.');
    const std::string_view whole = text.substr(0, point);
    const std::string_view fraction =
        point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
    if (whole.empty() || !all_digits(whole) || !all_digits(fraction)) return std::nullopt;
    if (point != std::string_view::npos && fraction.empty()) return std::nullopt;
    if (whole.size() + fraction.size() > k_digits_max || fraction.size() > k_scale_max) {
        return std::nullopt;
    }
    std::int64_t coefficient = 0;
    for (const char c : whole)
        coefficient = coefficient * 10 + (c - '0');
    for (const char c : fraction)
        coefficient = coefficient * 10 + (c - '0');
    wharf::v1::Decimal value;
    value.set_coefficient(negative ? -coefficient : coefficient);
    value.set_scale(static_cast<std::uint32_t>(fraction.size()));
    return value;
}

std::string integer_text(nano_units value) {
    if (value == 0) return "0";
    const bool negative = value < 0;
    std::string text;
    for (; value != 0; value /= 10) {
        const int digit = static_cast<int>(value % 10);
        text.push_back(static_cast<char>('0' + (digit < 0 ? -digit : digit)));
    }
    if (negative) text.push_back('-');
    std::reverse(text.begin(), text.end());
    return text;
}

nano_units parse_integer(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    nano_units value = 0;
    for (const char c : text)
        value = value * 10 + (c - '0');
    return negative ? -value : value;
}

std::string human_text(nano_units value) {
    std::string digits = integer_text(value);
    const bool negative = digits.front() == '-';
    if (negative) digits.erase(0, 1);
    std::string text = with_point(std::move(digits), k_scale_max);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return (negative ? "-" : "") + text;
}

} // namespace erp
