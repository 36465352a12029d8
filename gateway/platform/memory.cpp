#include "gateway/ports/memory.hpp"

#include <cstdint>
#include <sys/mman.h>

namespace wharf {

void prefer_large_pages(void* begin, std::size_t bytes) noexcept {
    constexpr std::uintptr_t k_large_page_bytes = 2 * 1024 * 1024;
    // Whole ones only: what stands beside the table in memory is none of ours.
    const auto first = (reinterpret_cast<std::uintptr_t>(begin) + k_large_page_bytes - 1) &
                       ~(k_large_page_bytes - 1);
    const auto end = (reinterpret_cast<std::uintptr_t>(begin) + bytes) & ~(k_large_page_bytes - 1);
    if (first >= end) return;
    // A kernel that has none refuses, which changes nothing but the speed.
    static_cast<void>(::madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE));
}

} // namespace wharf
