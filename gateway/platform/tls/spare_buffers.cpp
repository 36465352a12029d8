#include "gateway/platform/tls/engine_state.hpp"

#include <mbedtls/platform_util.h>

namespace wharf::tls {

namespace {

// The library frees what it finds in a context with free().
unsigned char* allocated(std::size_t size) {
    auto* out = static_cast<unsigned char*>(std::calloc(1, size));
    WHARF_ASSERT(out != nullptr);
    return out;
}

void forget(unsigned char* one, std::size_t size) {
    mbedtls_platform_zeroize(one, size);
    std::free(one);
}

} // namespace

spare_buffers::~spare_buffers() {
    for (auto& one : kept_) {
        forget(one.in, MBEDTLS_SSL_IN_BUFFER_LEN);
        forget(one.out, MBEDTLS_SSL_OUT_BUFFER_LEN);
    }
}

spare_buffers::pair spare_buffers::take() {
    if (kept_.empty())
        return {allocated(MBEDTLS_SSL_IN_BUFFER_LEN), allocated(MBEDTLS_SSL_OUT_BUFFER_LEN)};
    const auto out = kept_.back();
    kept_.pop_back();
    return out;
}

void spare_buffers::give(pair one) {
    if (kept_.size() < limits::k_tls_spare_buffers_max) return kept_.push_back(one);
    forget(one.in, MBEDTLS_SSL_IN_BUFFER_LEN);
    forget(one.out, MBEDTLS_SSL_OUT_BUFFER_LEN);
}

} // namespace wharf::tls
