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

struct sha256_stream::state {
    mbedtls_sha256_context context;
};

sha256_stream::sha256_stream() : state_(std::make_unique<state>()) {
    mbedtls_sha256_init(&state_->context);
    const int failed = mbedtls_sha256_starts_ret(&state_->context, 0);
    WHARF_ASSERT(failed == 0);
}

sha256_stream::~sha256_stream() {
    mbedtls_sha256_free(&state_->context);
}

void sha256_stream::add(std::string_view bytes) noexcept {
    const int failed = mbedtls_sha256_update_ret(
        &state_->context, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    WHARF_ASSERT(failed == 0);
}

sha256_digest sha256_stream::finish() noexcept {
    sha256_digest out;
    const int failed =
        mbedtls_sha256_finish_ret(&state_->context, reinterpret_cast<unsigned char*>(out.data()));
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
