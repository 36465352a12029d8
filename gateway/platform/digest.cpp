#include "gateway/ports/digest.hpp"

#include "gateway/base/assert.hpp"

#include <mbedtls/sha256.h>
#include <sodium/crypto_shorthash_siphash24.h>

namespace wharf {

sha256_digest sha256(std::string_view bytes) noexcept {
    sha256_digest out;
    int failed = mbedtls_sha256_ret(reinterpret_cast<const unsigned char*>(bytes.data()),
                                    bytes.size(), reinterpret_cast<unsigned char*>(out.data()), 0);
    WHARF_ASSERT(failed == 0);
    return out;
}

digest128 keyed_digest(const digest_key& key, std::string_view bytes) noexcept {
    static_assert(std::tuple_size_v<digest128> == crypto_shorthash_siphashx24_BYTES);
    static_assert(std::tuple_size_v<digest_key> == crypto_shorthash_siphashx24_KEYBYTES);
    digest128 out;
    int failed = crypto_shorthash_siphashx24(reinterpret_cast<unsigned char*>(out.data()),
                                             reinterpret_cast<const unsigned char*>(bytes.data()),
                                             bytes.size(),
                                             reinterpret_cast<const unsigned char*>(key.data()));
    WHARF_ASSERT(failed == 0);
    return out;
}

} // namespace wharf
