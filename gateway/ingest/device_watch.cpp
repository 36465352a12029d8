#include "gateway/ingest/device_watch.hpp"

#include "gateway/base/assert.hpp"

#include <algorithm>

namespace wharf {

namespace {
constexpr std::int64_t k_second_us = 1'000'000;
constexpr std::int64_t k_forgotten_us = limits::k_device_forgotten_s * k_second_us;
} // namespace

void device_watch::add_profile(std::string_view name, std::uint32_t silent_after_s) {
    WHARF_ASSERT(silent_after_s > 0 && profiles_.size() < limits::k_profiles_max);
    profiles_.push_back({std::string(name), silent_after_s * k_second_us});
}

void device_watch::change_profile(std::string_view name, std::uint32_t silent_after_s) {
    WHARF_ASSERT(silent_after_s > 0);
    profiles_[profile_of(name)].silent_after_us = silent_after_s * k_second_us;
}

std::size_t device_watch::profile_of(std::string_view name) const {
    const auto found = std::ranges::find(profiles_, name, &profile::name);
    WHARF_ASSERT(found != profiles_.end());
    return static_cast<std::size_t>(found - profiles_.begin());
}

device_watch::device* device_watch::find(std::string_view name, std::string_view of) {
    auto found = devices_.find(name);
    if (found == devices_.end()) {
        if (devices_.size() >= devices_max_) {
            ++unwatched_;
            return nullptr;
        }
        found = devices_.emplace(std::string(name), device{}).first;
    }
    // A device that sends on several routes is watched by the profile of the last.
    found->second.of = profile_of(of);
    return &found->second;
}

void device_watch::expect(std::string_view name, std::string_view of) {
    if (auto* known = find(name, of)) known->named = true;
}

bool* device_watch::watch(std::string_view name, std::string_view of) {
    auto* known = find(name, of);
    return known == nullptr ? nullptr : &known->heard;
}

void device_watch::look(std::int64_t now_us) {
    looked_us_ = now_us;
    silent_ = 0;
    for (auto at = devices_.begin(); at != devices_.end();) {
        auto& one = at->second;
        if (one.heard || !one.last_us) one.last_us = now_us;
        one.ever = one.ever || one.heard;
        one.heard = false;
        const auto silent_us = now_us - *one.last_us;
        if (!one.named && silent_us >= k_forgotten_us) {
            at = devices_.erase(at);
            ++generation_;
            continue;
        }
        one.silent = silent_us >= profiles_[one.of].silent_after_us;
        silent_ += one.silent ? 1 : 0;
        ++at;
    }
}

std::vector<watched_devices> device_watch::counts() const {
    std::vector<watched_devices> out;
    for (const auto& each : profiles_)
        out.push_back({each.name, 0, 0});
    for (const auto& [name, one] : devices_) {
        ++out[one.of].watched;
        out[one.of].silent += one.silent ? 1 : 0;
    }
    return out;
}

std::vector<silent_device> device_watch::silent_devices(std::size_t count_max) const {
    std::vector<silent_device> out;
    for (const auto& [name, one] : devices_)
        if (one.silent)
            out.push_back({name, profiles_[one.of].name, looked_us_ - *one.last_us, !one.ever});
    std::ranges::stable_sort(out, std::ranges::greater{}, &silent_device::silent_us);
    if (out.size() > count_max) out.resize(count_max);
    return out;
}

} // namespace wharf
