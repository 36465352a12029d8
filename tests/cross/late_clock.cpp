// A later year: LD_PRELOAD into a program, its real-time clock reads WHARF_LATE_CLOCK_S seconds
// more than it is. Where the C library's time_t has 32 bits, asking for a time that does not fit
// fails as it does there. A wait until a time of that clock ends when it would there. Any thread;
// where the real clock cannot be found the program is aborted.
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <dlfcn.h>
#include <pthread.h>
#include <sys/time.h>
#include <time.h>

namespace {

// As the kernel and the C library's 64-bit calls have it on a little-endian machine.
struct wide_timespec {
    std::int64_t seconds;
    std::int32_t nanoseconds;
    std::int32_t padding;
};
static_assert(sizeof(wide_timespec) == 16);

using wide_call = int (*)(clockid_t, wide_timespec*);

std::int64_t how_much_later() {
    static const char* const setting = std::getenv("WHARF_LATE_CLOCK_S");
    static const std::int64_t later = setting == nullptr ? 0 : std::atoll(setting);
    return later;
}

int read_late(clockid_t which, wide_timespec* now) {
    static const auto real = reinterpret_cast<wide_call>(
        dlsym(RTLD_NEXT, sizeof(time_t) == 8 ? "clock_gettime" : "__clock_gettime64"));
    if (real == nullptr) std::abort();
    const int done = real(which, now);
    if (done == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
        now->seconds += how_much_later();
    return done;
}

// Into what the caller has; -1 where that is too narrow.
template <class Narrow> int fit(std::int64_t seconds, Narrow& to) {
    to = static_cast<Narrow>(seconds);
    if (std::int64_t{to} == seconds) return 0;
    errno = EOVERFLOW;
    return -1;
}

} // namespace

// The C library's names for them, as programs were linked against it.
extern "C" {

int __clock_gettime64(clockid_t which, wide_timespec* now) {
    return read_late(which, now);
}

int clock_gettime(clockid_t which, timespec* now) noexcept {
    wide_timespec wide{};
    if (read_late(which, &wide) != 0) return -1;
    now->tv_nsec = wide.nanoseconds;
    return fit(wide.seconds, now->tv_sec);
}

int gettimeofday(timeval* now, void*) noexcept {
    wide_timespec wide{};
    if (read_late(CLOCK_REALTIME, &wide) != 0) return -1;
    now->tv_usec = wide.nanoseconds / 1000;
    return fit(wide.seconds, now->tv_sec);
}

time_t time(time_t* now) noexcept {
    timespec read{};
    const time_t seconds = clock_gettime(CLOCK_REALTIME, &read) == 0 ? read.tv_sec : -1;
    if (now != nullptr) *now = seconds;
    return seconds;
}

// The kernel's clock is not late: until then it would wait for years. Eclipse Paho's threads do,
// and count on it that they wake within a second.
int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                           const timespec* until) {
    timespec end = *until;
    // Of the monotonic clock it can only be what is less than all the years.
    if (how_much_later() != 0 && end.tv_sec < how_much_later())
        return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, &end);
    end.tv_sec -= static_cast<time_t>(how_much_later());
    return pthread_cond_clockwait(condition, mutex, CLOCK_REALTIME, &end);
}

} // extern "C"
