#include "gateway/base/time.hpp"

#include <chrono>
#include <optional>

namespace wharf {

namespace {

constexpr std::string_view k_form =
    "expected an RFC 3339 time such as \"2026-03-02T10:00:00.250Z\" or "
    "\"2026-03-02T11:00:00+01:00\"";

error malformed(std::string_view why = {}) {
    std::string message(k_form);
    if (!why.empty()) message.append(": ").append(why);
    return {errc::invalid, std::move(message)};
}

// Takes fixed-width fields off the front of a text.
class field_reader {
  public:
    explicit field_reader(std::string_view text) noexcept : rest_(text) {}

    std::optional<int> number(std::size_t width) noexcept {
        if (rest_.size() < width) return std::nullopt;
        int value = 0;
        for (const char c : rest_.substr(0, width)) {
            if (c < '0' || c > '9') return std::nullopt;
            value = value * 10 + (c - '0');
        }
        rest_.remove_prefix(width);
        return value;
    }
    bool literal(char c) noexcept {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    std::string_view digits() noexcept {
        std::size_t size = 0;
        while (size < rest_.size() && rest_[size] >= '0' && rest_[size] <= '9')
            ++size;
        const auto out = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return out;
    }
    [[nodiscard]] bool done() const noexcept { return rest_.empty(); }

  private:
    std::string_view rest_;
};

std::optional<std::chrono::year_month_day> read_date(field_reader& in) noexcept {
    const auto year = in.number(4);
    if (!year || !in.literal('-')) return std::nullopt;
    const auto month = in.number(2);
    if (!month || !in.literal('-')) return std::nullopt;
    const auto day = in.number(2);
    if (!day) return std::nullopt;
    return std::chrono::year_month_day(std::chrono::year(*year),
                                       std::chrono::month(static_cast<unsigned>(*month)),
                                       std::chrono::day(static_cast<unsigned>(*day)));
}

bool exists(std::chrono::year_month_day date) noexcept {
    return date.ok() && date.year() >= std::chrono::year(1);
}

// Seconds since midnight.
result<std::int64_t> read_clock(field_reader& in) {
    const auto hour = in.number(2);
    if (!hour || !in.literal(':')) return malformed();
    const auto minute = in.number(2);
    if (!minute || !in.literal(':')) return malformed();
    const auto second = in.number(2);
    if (!second) return malformed();
    if (*second == 60) return malformed("leap seconds (:60) are not accepted");
    if (*hour > 23 || *minute > 59 || *second > 59)
        return malformed("the time of day is out of range");
    return std::int64_t{*hour} * 3600 + *minute * 60 + *second;
}

result<std::int32_t> read_fraction(field_reader& in) {
    if (!in.literal('.')) return std::int32_t{0};
    const auto digits = in.digits();
    if (digits.empty()) return malformed();
    if (digits.size() > 9) return malformed("at most 9 fractional digits");
    std::int32_t value = 0;
    for (std::size_t i = 0; i < 9; ++i)
        value = value * 10 + (i < digits.size() ? digits[i] - '0' : 0);
    return value;
}

// Seconds east of UTC.
result<std::int64_t> read_offset(field_reader& in) {
    if (in.literal('Z')) return std::int64_t{0};
    std::int64_t sign = 1;
    if (in.literal('-')) {
        sign = -1;
    } else if (!in.literal('+')) {
        return malformed("it must end in Z or an offset");
    }
    const auto hours = in.number(2);
    if (!hours || !in.literal(':')) return malformed();
    const auto minutes = in.number(2);
    if (!minutes) return malformed();
    if (*hours > 23 || *minutes > 59) return malformed("the offset is out of range");
    return sign * (std::int64_t{*hours} * 3600 + *minutes * 60);
}

void append_number(std::string& out, unsigned value, std::size_t width) {
    out.append(width, '0');
    for (auto at = out.rbegin(); width > 0; --width, ++at, value /= 10)
        *at = static_cast<char>('0' + value % 10);
}

} // namespace

timestamp timestamp_from_us(std::int64_t microseconds_since_1970) noexcept {
    auto seconds = microseconds_since_1970 / 1'000'000;
    auto rest = microseconds_since_1970 % 1'000'000;
    if (rest < 0) {
        rest += 1'000'000;
        --seconds;
    }
    return {seconds, static_cast<std::int32_t>(rest * 1000)};
}

result<timestamp> parse_rfc3339(std::string_view text) {
    field_reader in(text);
    const auto date = read_date(in);
    if (!date || !in.literal('T')) return malformed();
    if (!exists(*date)) return malformed("there is no such day");
    WHARF_TRY_ASSIGN(const auto clock_s, read_clock(in));
    WHARF_TRY_ASSIGN(const auto nanoseconds, read_fraction(in));
    WHARF_TRY_ASSIGN(const auto offset_s, read_offset(in));
    if (!in.done()) return malformed();

    const auto days = std::chrono::sys_days(*date).time_since_epoch().count();
    const timestamp out{std::int64_t{days} * 86'400 + clock_s - offset_s, nanoseconds};
    if (!in_range(out)) return malformed("in UTC it lies outside the years 0001 to 9999");
    return out;
}

void append_rfc3339(timestamp t, std::string& out) {
    WHARF_ASSERT(in_range(t));
    auto days = t.seconds / 86'400;
    auto clock_s = t.seconds % 86'400;
    if (clock_s < 0) {
        clock_s += 86'400;
        --days;
    }
    const std::chrono::year_month_day date{
        std::chrono::sys_days(std::chrono::days(static_cast<int>(days)))};
    append_number(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
    out.push_back('-');
    append_number(out, static_cast<unsigned>(date.month()), 2);
    out.push_back('-');
    append_number(out, static_cast<unsigned>(date.day()), 2);
    out.push_back('T');
    append_number(out, static_cast<unsigned>(clock_s / 3600), 2);
    out.push_back(':');
    append_number(out, static_cast<unsigned>(clock_s / 60 % 60), 2);
    out.push_back(':');
    append_number(out, static_cast<unsigned>(clock_s % 60), 2);
    if (t.nanoseconds != 0) {
        out.push_back('.');
        auto fraction = static_cast<unsigned>(t.nanoseconds);
        std::size_t width = 9;
        for (; width > 3 && fraction % 1000 == 0; width -= 3)
            fraction /= 1000;
        append_number(out, fraction, width);
    }
    out.push_back('Z');
}

std::string to_rfc3339(timestamp t) {
    std::string out;
    append_rfc3339(t, out);
    return out;
}

status check_date(std::string_view text) {
    field_reader in(text);
    const auto date = read_date(in);
    if (!date || !in.done()) return error{errc::invalid, "expected a date as YYYY-MM-DD"};
    if (!exists(*date))
        return error{errc::invalid, "expected a date as YYYY-MM-DD: there is no such day"};
    return ok();
}

} // namespace wharf
