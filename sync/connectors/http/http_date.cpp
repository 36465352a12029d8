#include "sync/connectors/http/http_date.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace wharf {

namespace {

constexpr std::int64_t k_us_per_s = 1'000'000;

std::optional<int> number(std::string_view digits) {
    int out = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    if (failure != std::errc{} || end != digits.data() + digits.size() || out < 0)
        return std::nullopt;
    return out;
}

// Days since 1970-01-01 in the proleptic Gregorian calendar.
std::int64_t days_of(int year, int month, int day) {
    const std::int64_t y = month <= 2 ? year - 1 : year;
    const std::int64_t era = y / 400;
    const std::int64_t of_era = y - era * 400;
    const std::int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

// IMF-fixdate.
std::optional<std::int64_t> seconds_of(std::string_view text) {
    constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT" ||
        text[7] != ' ' || text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':')
        return std::nullopt;
    const auto month = std::ranges::find(months, text.substr(8, 3));
    const auto day = number(text.substr(5, 2));
    const auto year = number(text.substr(12, 4));
    const auto hour = number(text.substr(17, 2));
    const auto minute = number(text.substr(20, 2));
    const auto second = number(text.substr(23, 2));
    if (month == months.end() || !day || !year || !hour || !minute || !second || *day < 1 ||
        *day > 31 || *year < 1 || *hour > 23 || *minute > 59 || *second > 60)
        return std::nullopt;
    const auto days = days_of(*year, static_cast<int>(month - months.begin()) + 1, *day);
    return ((days * 24 + *hour) * 60 + *minute) * 60 + *second;
}

} // namespace

std::optional<std::int64_t> parse_retry_after_us(std::string_view value, std::int64_t wall_us) {
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t'))
        value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t'))
        value.remove_suffix(1);
    if (const auto seconds = number(value)) return *seconds * k_us_per_s;
    // More seconds than fit are as good as the longest wait there is.
    if (!value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; }))
        return INT32_MAX * k_us_per_s;
    if (const auto date = seconds_of(value))
        return std::max<std::int64_t>(0, *date * k_us_per_s - wall_us);
    return std::nullopt;
}

} // namespace wharf
