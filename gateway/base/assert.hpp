// Assertions are for bugs and stay on in release builds: a broken invariant stops the process,
// because the journal is safe and the memory is not.
#pragma once

namespace wharf {

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;

} // namespace wharf

#define WHARF_ASSERT(condition)                                                                    \
    (static_cast<bool>(condition) ? void(0)                                                        \
                                  : ::wharf::assertion_failed(#condition, __FILE__, __LINE__))
