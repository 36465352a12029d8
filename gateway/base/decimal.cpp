#include "gateway/base/decimal.hpp"

#include "gateway/base/limits.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace wharf {

namespace {

constexpr auto k_powers = [] {
    std::array<std::int64_t, limits::k_decimal_digits_max + 1> powers{};
    powers[0] = 1;
    for (std::size_t i = 1; i < powers.size(); ++i)
        powers[i] = powers[i - 1] * 10;
    return powers;
}();

constexpr std::int64_t k_coefficient_max = k_powers.back() - 1;
constexpr std::uint32_t k_scale_max = limits::k_decimal_scale_max;
// What stands after the point, counted in the smallest unit, has a power of its own.
static_assert(limits::k_decimal_scale_max <= limits::k_decimal_digits_max);

constexpr std::string_view k_form = "expected a decimal such as \"12\", \"-0.5\" or \"12.50\": "
                                    "digits, optionally a point and digits, "
                                    "no exponent, no '+', no leading zeros";
constexpr std::string_view k_range =
    "expected at most 18 digits, at most 9 of them after the point";

error malformed() {
    return {errc::invalid, std::string(k_form)};
}
error out_of_range() {
    return {errc::too_large, std::string(k_range)};
}

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

std::size_t count_digits(std::string_view text) noexcept {
    return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) -
                                    text.begin());
}

} // namespace

result<decimal> decimal::parse(std::string_view text) {
    auto rest = text;
    const bool negative = !rest.empty() && rest.front() == '-';
    if (negative) rest.remove_prefix(1);

    const auto whole = rest.substr(0, count_digits(rest));
    rest.remove_prefix(whole.size());
    if (whole.empty() || (whole.size() > 1 && whole.front() == '0')) return malformed();

    std::string_view fraction;
    if (!rest.empty()) {
        if (rest.front() != '.') return malformed();
        fraction = rest.substr(1);
        if (fraction.empty() || count_digits(fraction) != fraction.size()) return malformed();
    }
    if (fraction.size() > k_scale_max || whole.size() > limits::k_decimal_digits_max)
        return out_of_range();

    // 18 + 9 digits at most: trailing zeros go before the rest is counted.
    const auto last = fraction.find_last_not_of('0');
    fraction = fraction.substr(0, last == std::string_view::npos ? 0 : last + 1);
    std::int64_t coefficient = 0;
    for (const auto digits : {whole, fraction}) {
        for (const char c : digits) {
            if (coefficient > k_coefficient_max / 10) return out_of_range();
            coefficient = coefficient * 10 + (c - '0');
        }
    }
    if (negative && coefficient == 0) return malformed();
    return decimal(negative ? -coefficient : coefficient,
                   static_cast<std::uint32_t>(fraction.size()));
}

result<decimal> decimal::make(std::int64_t coefficient, std::uint32_t scale) {
    if (scale > k_scale_max || coefficient > k_coefficient_max || coefficient < -k_coefficient_max)
        return out_of_range();
    while (scale > 0 && coefficient % 10 == 0) {
        coefficient /= 10;
        --scale;
    }
    return decimal(coefficient, scale);
}

void decimal::append_to(std::string& out) const {
    if (coefficient_ < 0) out.push_back('-');
    std::array<char, 20> digits; // the largest coefficient has 18
    const auto magnitude = coefficient_ < 0 ? -coefficient_ : coefficient_;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), magnitude).ptr;
    const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
    if (scale_ == 0) {
        out.append(text);
        return;
    }
    if (text.size() <= scale_) {
        out.append("0.").append(scale_ - text.size(), '0').append(text);
        return;
    }
    const auto whole = text.size() - scale_;
    out.append(text.substr(0, whole)).append(".").append(text.substr(whole));
}

std::string decimal::to_string() const {
    std::string out;
    append_to(out);
    return out;
}

std::strong_ordering operator<=>(const decimal& a, const decimal& b) noexcept {
    // Before the point first, then after it: one number of both has no integer type of 32-bit ARM.
    const auto whole = a.coefficient_ / k_powers[a.scale_] <=> b.coefficient_ / k_powers[b.scale_];
    if (whole != 0) return whole;
    const auto fraction = [](const decimal& of) {
        return of.coefficient_ % k_powers[of.scale_] * k_powers[k_scale_max - of.scale_];
    };
    return fraction(a) <=> fraction(b);
}

} // namespace wharf
