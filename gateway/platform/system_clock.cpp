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
    timex state{};
    int discipline = ::adjtimex(&state);
    return discipline >= 0 && discipline != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
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
