// mbedTLS's types with an owner, on P-256. Any thread: each object belongs to one call.
#pragma once

#include "gateway/base/result.hpp"

#include <mbedtls/bignum.h>
#include <mbedtls/ecp.h>

#include <cstddef>
#include <string>

namespace wharf::keys {

inline constexpr std::size_t k_scalar_bytes = 32;
inline constexpr std::size_t k_point_bytes = 65; // 4, x, y: uncompressed

struct number {
    mbedtls_mpi it;
    number() { mbedtls_mpi_init(&it); }
    ~number() { mbedtls_mpi_free(&it); } // wiped too
    number(const number&) = delete;
    number& operator=(const number&) = delete;
};

struct point {
    mbedtls_ecp_point it;
    point() { mbedtls_ecp_point_init(&it); }
    ~point() { mbedtls_ecp_point_free(&it); }
    point(const point&) = delete;
    point& operator=(const point&) = delete;
};

struct group {
    mbedtls_ecp_group it;
    group() {
        mbedtls_ecp_group_init(&it);
        loaded = mbedtls_ecp_group_load(&it, MBEDTLS_ECP_DP_SECP256R1) == 0;
    }
    ~group() { mbedtls_ecp_group_free(&it); }
    group(const group&) = delete;
    group& operator=(const group&) = delete;
    bool loaded = false;
};

// For mbedTLS's f_rng: the system's entropy.
int draw(void*, unsigned char* out, std::size_t bytes);

[[nodiscard]] error failed(int code, std::string_view doing);

// DHKEM(P-256, HKDF-SHA256) and the key schedule of RFC 9180, base mode, for one message.
// REQUIRES: points of k_point_bytes, scalars of k_scalar_bytes. `ephemeral`: the sender's, drawn
// for this message.
[[nodiscard]] result<std::string> hpke_seal(const std::string& recipient_point,
                                            const std::string& ephemeral_scalar,
                                            std::string_view info, std::string_view associated,
                                            std::string_view plain);
[[nodiscard]] result<std::string> hpke_open(const std::string& recipient_scalar,
                                            const std::string& recipient_point,
                                            std::string_view info, std::string_view associated,
                                            std::string_view sealed);
// The point of a scalar; fails where the scalar is none of the group's.
[[nodiscard]] result<std::string> point_of(const std::string& scalar);

} // namespace wharf::keys
