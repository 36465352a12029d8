#include "gateway/platform/system_clock.hpp"

#include "gateway/base/assert.hpp"

#include <cerrno>
#include <sys/random.h>
#include <sys/timex.h>
#include <time.h>

namespace wharf {

namespace {

std::int64_t read_us(clockid_t which) {
    timespec now{};
    WHARF_ASSERT(::clock_gettime(which, &now) == 0);
    return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

} // namespace

std::int64_t system_clock::wall_us() {
    return read_us(CLOCK_REALTIME);
}
std::int64_t system_clock::monotonic_us() {
    return read_us(CLOCK_BOOTTIME);
}

bool system_clock::wall_synchronised() {
    constexpr std::int64_t k_ask_every_us = 1'000'000;
    const std::int64_t now_us = monotonic_us();
    if (now_us - asked_us_.load(std::memory_order_relaxed) < k_ask_every_us)
        return synchronised_.load(std::memory_order_relaxed);
    timex state{};
    const int discipline = ::adjtimex(&state);
    const bool is = discipline >= 0 && discipline != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
    synchronised_.store(is, std::memory_order_relaxed);
    asked_us_.store(now_us, std::memory_order_relaxed);
    return is;
}

std::uint64_t system_random::next() {
    std::uint64_t value = 0;
    for (;;) {
        auto got = ::getrandom(&value, sizeof value, 0);
        if (got == sizeof value) return value;
        WHARF_ASSERT(got >= 0 || errno == EINTR);
    }
}

} // namespace wharf
