// The C library's own functions behind those that the lost-writes layer replaces: REAL(write)(...).
// Any thread. Where one cannot be found the program is aborted.
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <string>

namespace chaos {

// The layer cannot work: a rig that fails quietly would prove nothing.
[[noreturn]] inline void give_up(const std::string& what) {
    std::fprintf(stderr, "lost_writes: %s (errno %d)\n", what.c_str(), errno);
    std::abort();
}

template <typename Function> Function* find_real(Function*, const char* name) {
    void* found = dlsym(RTLD_NEXT, name);
    if (found == nullptr) give_up(std::string("no ") + name);
    return reinterpret_cast<Function*>(found);
}

} // namespace chaos

#define REAL(name)                                                                                 \
    ([] {                                                                                          \
        static auto* const the_real =                                                              \
            chaos::find_real(static_cast<decltype(::name)*>(nullptr), #name);                      \
        return the_real;                                                                           \
    }())
