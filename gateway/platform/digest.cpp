#include "gateway/ports/digest.hpp"

#include "gateway/base/assert.hpp"

#include <mbedtls/sha256.h>

namespace wharf {

sha256_digest sha256(std::string_view bytes) noexcept {
    sha256_digest out;
    int failed = mbedtls_sha256_ret(reinterpret_cast<const unsigned char*>(bytes.data()),
                                    bytes.size(), reinterpret_cast<unsigned char*>(out.data()), 0);
    WHARF_ASSERT(failed == 0);
    return out;
}

} // namespace wharf
