#include "gateway/ingest/profiles.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/codec/validate.hpp"

#include <algorithm>

namespace wharf {

namespace {

bool any_matches(const std::vector<std::string>& patterns, std::string_view text) noexcept {
    return patterns.empty() ||
           std::any_of(patterns.begin(), patterns.end(),
                       [text](const auto& pattern) { return matches_glob(pattern, text); });
}

status check_patterns(std::string_view what, const std::vector<std::string>& patterns) {
    if (patterns.size() > limits::k_profile_devices_max) {
        return error{errc::too_large, std::string(what) + ": expected at most " +
                                          std::to_string(limits::k_profile_devices_max)};
    }
    for (const auto& each : patterns)
        WHARF_TRY(check_name(what, each));
    return ok();
}

status check_profile(const device_profile& profile) {
    WHARF_TRY(check_name("name", profile.name));
    WHARF_TRY(check_patterns("devices", profile.devices));
    WHARF_TRY(check_patterns("streams", profile.streams));
    if (profile.double_trigger_window_ms >= 1 &&
        profile.double_trigger_window_ms <= limits::k_double_trigger_window_ms_max)
        return ok();
    return error{errc::invalid, "double_trigger_window_ms: expected 1 to " +
                                    std::to_string(limits::k_double_trigger_window_ms_max) +
                                    ", got " + std::to_string(profile.double_trigger_window_ms)};
}

} // namespace

bool matches_glob(std::string_view pattern, std::string_view text) noexcept {
    std::size_t at = 0;
    std::size_t in_text = 0;
    // Where to go on after the last '*' was made to take one more byte.
    std::size_t star = pattern.npos;
    std::size_t retry = 0;
    while (in_text < text.size()) {
        if (at < pattern.size() && pattern[at] == '*') {
            star = at++;
            retry = in_text;
        } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == text[in_text])) {
            ++at;
            ++in_text;
        } else if (star != pattern.npos) {
            at = star + 1;
            in_text = ++retry;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', at) == pattern.npos;
}

bool profile_table::has(std::string_view name) const noexcept {
    for (const auto& each : profiles_)
        if (each.name == name) return true;
    return false;
}

const device_profile& profile_table::find(std::string_view name, std::string_view device,
                                          std::string_view stream) const noexcept {
    for (const auto& each : profiles_) {
        if (name.empty() ? any_matches(each.devices, device) && any_matches(each.streams, stream)
                         : each.name == name)
            return each;
    }
    return otherwise_;
}

result<profile_table> make_profiles(std::vector<device_profile> profiles) {
    if (profiles.size() > limits::k_profiles_max) {
        return error{errc::too_large,
                     "expected at most " + std::to_string(limits::k_profiles_max) + " profiles"};
    }
    profile_table out;
    for (auto& each : profiles) {
        const auto where = "profile \"" + each.name + "\"";
        if (auto good = check_profile(each); !good.ok()) return std::move(good).failure().in(where);
        if (out.has(each.name)) return error{errc::invalid, where + ": is there twice"};
        out.profiles_.push_back(std::move(each));
    }
    return out;
}

} // namespace wharf
