#include "firmware/ctl/fleet_select.hpp"

#include "gateway/base/bytes.hpp"

#include <algorithm>
#include <charconv>

namespace wharf::ctl {

namespace {

using wharf::v1::GatewayState;

// Shorter ones are versions.
constexpr std::size_t k_digest_digits_min = 8;
constexpr std::size_t k_digest_digits = 64;

error not_understood(const std::string& selector) {
    return {errc::invalid, "--on " + selector + ": expected " + std::string(k_selectors)};
}

result<bool> runs(const GatewayState& state, const std::string& selector, std::string_view value) {
    const bool digits = std::ranges::all_of(
        value, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    if (!digits || value.empty() || value.size() > k_digest_digits) return not_understood(selector);
    if (value.size() >= k_digest_digits_min)
        return to_hex(state.configuration_overlay()).starts_with(value);
    std::uint64_t version = 0;
    const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), version);
    if (failed != std::errc{} || end != value.data() + value.size())
        return not_understood(selector);
    return state.configuration_version() == version;
}

} // namespace

bool fits_glob(std::string_view pattern, std::string_view text) {
    const auto star = pattern.find('*');
    if (star == std::string_view::npos) return pattern == text;
    if (!text.starts_with(pattern.substr(0, star))) return false;
    text.remove_prefix(star);
    const auto rest = pattern.substr(star + 1);
    for (std::size_t at = 0; at <= text.size(); ++at)
        if (fits_glob(rest, text.substr(at))) return true;
    return false;
}

result<bool> fits(const GatewayState& state, const std::vector<std::string>& selectors) {
    bool all = true;
    for (const std::string& selector : selectors) {
        const auto equals = selector.find('=');
        if (equals == std::string::npos) return not_understood(selector);
        const auto key = std::string_view(selector).substr(0, equals);
        const auto value = std::string_view(selector).substr(equals + 1);
        bool fit = false;
        if (key == "site") {
            fit = fits_glob(value, state.site());
        } else if (key == "gateway") {
            fit = fits_glob(value, state.gateway());
        } else if (key == "health") {
            fit = fits_glob(value, state.health());
        } else if (key == "software") {
            fit = fits_glob(value, state.software());
        } else if (key == "tag") {
            fit = std::ranges::any_of(
                state.tags(), [&](const std::string& tag) { return fits_glob(value, tag); });
        } else if (key == "configuration") {
            WHARF_TRY_ASSIGN(fit, runs(state, selector, value));
        } else {
            return not_understood(selector);
        }
        all = all && fit;
    }
    return all;
}

} // namespace wharf::ctl
