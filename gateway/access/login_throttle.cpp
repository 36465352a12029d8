#include "gateway/access/login_throttle.hpp"

#include <algorithm>

namespace wharf::access {

namespace {
// Above these the delay has reached its bound.
constexpr std::uint32_t k_failures_max = limits::k_login_failures_free + 16;
} // namespace

// One failure is forgotten for each interval that passes.
void login_throttle::age(record& of, std::int64_t now_ms) {
    const std::int64_t intervals = (now_ms - of.since_ms) / limits::k_login_failure_forgotten_ms;
    if (intervals <= 0) return;
    of.failures -= static_cast<std::uint32_t>(std::min<std::int64_t>(of.failures, intervals));
    of.since_ms += intervals * limits::k_login_failure_forgotten_ms;
}

std::uint32_t login_throttle::delay_ms(std::string_view subject, std::int64_t now_ms) {
    record* known = subjects_.find(subject);
    if (known == nullptr) return 0;
    age(*known, now_ms);
    if (known->failures < limits::k_login_failures_free) return 0;
    const std::uint32_t doublings = known->failures - limits::k_login_failures_free;
    const std::uint64_t delay = std::uint64_t{limits::k_login_delay_ms} << doublings;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(delay, limits::k_login_delay_ms_max));
}

void login_throttle::failed(std::string_view subject, std::int64_t now_ms) {
    record& at = subjects_.get(subject, {0, now_ms});
    age(at, now_ms);
    at.failures = std::min(at.failures + 1, k_failures_max);
    at.since_ms = now_ms;
}

} // namespace wharf::access
