// Overwrites what was a password, so that it is not left lying about in memory that is used again.
#pragma once

#include <string>

namespace wharf::access {

inline void wipe(std::string& secret) noexcept {
    // Through a volatile pointer: the compiler may not leave it out.
    volatile char* at = secret.data();
    for (std::size_t i = 0; i < secret.size(); ++i)
        at[i] = '\0';
    secret.clear();
}

} // namespace wharf::access
