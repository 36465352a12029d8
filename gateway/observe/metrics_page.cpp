#include "gateway/observe/metrics_page.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace wharf::observe {

namespace {

std::string text_of(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    std::array<char, 32> digits{};
    auto [end, code] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    return code == std::errc{} ? std::string(digits.data(), end) : "NaN";
}

} // namespace

std::string escaped_label(std::string_view value) {
    std::string out;
    for (char c : value) {
        if (c == '\\' || c == '"') out += '\\';
        if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
    return out;
}

void metrics_page::family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = "wharf_" + std::string(name);
    out_.append("# HELP ").append(name_).append(" ").append(help).append("\n");
    out_.append("# TYPE ").append(name_).append(" ").append(type).append("\n");
}

void metrics_page::begin_sample(labels of, std::string_view suffix, std::string_view le) {
    out_.append(name_).append(suffix);
    char before = '{';
    const auto add = [&](std::string_view name, std::string_view value) {
        out_ += before;
        out_.append(name).append("=\"").append(escaped_label(value)).append("\"");
        before = ',';
    };
    for (const auto& [name, value] : of)
        add(name, value);
    if (!le.empty()) add("le", le);
    out_ += before == ',' ? "} " : " ";
}

void metrics_page::sample(labels of, std::uint64_t value, std::string_view suffix) {
    begin_sample(of, suffix);
    out_.append(std::to_string(value)).append("\n");
}

void metrics_page::sample(labels of, double value, std::string_view suffix) {
    begin_sample(of, suffix);
    out_.append(text_of(value)).append("\n");
}

void metrics_page::buckets(labels of, const histogram_snapshot& what) {
    const auto bucket = [&](std::string_view bound, std::uint64_t count) {
        begin_sample(of, "_bucket", bound);
        out_.append(std::to_string(count)).append("\n");
    };
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < what.bounds_us.size() && i < what.counts.size(); ++i) {
        below += what.counts[i];
        bucket(text_of(static_cast<double>(what.bounds_us[i]) / 1e6), below);
    }
    bucket("+Inf", what.count());
    sample(of, static_cast<double>(what.sum_us) / 1e6, "_sum");
    sample(of, what.count(), "_count");
}

} // namespace wharf::observe
