#include "gateway/base/assert.hpp"
#include "gateway/base/result.hpp"

#include <cstdio>
#include <cstdlib>

namespace wharf {

void assertion_failed(const char* expression, const char* file, int line) noexcept {
    std::fprintf(stderr, "wharf: broken invariant: %s (%s:%d)\n", expression, file, line);
    std::abort();
}

std::string_view to_string(errc code) noexcept {
    switch (code) {
    case errc::invalid:
        return "invalid";
    case errc::too_large:
        return "too large";
    case errc::not_found:
        return "not found";
    case errc::unsupported:
        return "unsupported";
    case errc::corrupt:
        return "corrupt";
    case errc::no_space:
        return "no space";
    case errc::io:
        return "input/output";
    case errc::conflict:
        return "conflict";
    }
    return "unknown";
}

} // namespace wharf
