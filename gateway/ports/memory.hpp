// Large tables that are looked at in no order. Implemented in gateway/platform.
#pragma once

#include <cstddef>
#include <new>

namespace wharf {

// Asks for large pages, so that a look at a random place costs one miss and not three. Only a wish:
// without them everything works as before. Any thread.
void prefer_large_pages(void* begin, std::size_t bytes) noexcept;

// For containers of such tables. The wish has to be made before the memory is first touched.
template <class T> struct large_page_allocator {
    using value_type = T;

    large_page_allocator() = default;
    template <class U> large_page_allocator(const large_page_allocator<U>&) noexcept {}

    T* allocate(std::size_t count) {
        void* begin = ::operator new (count * sizeof(T), std::align_val_t{alignof(T)});
        prefer_large_pages(begin, count * sizeof(T));
        return static_cast<T*>(begin);
    }
    void deallocate(T* begin, std::size_t) noexcept {
        ::operator delete (begin, std::align_val_t{alignof(T)});
    }
    template <class U> bool operator==(const large_page_allocator<U>&) const noexcept {
        return true;
    }
};

} // namespace wharf
