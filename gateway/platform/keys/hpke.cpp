// RFC 9180: sections 4 (KEM), 5.1 (key schedule), 5.2 (encryption), suite 0x0010, 0x0001, 0x0001.
#include "gateway/platform/keys/ecp.hpp"

#include "gateway/base/bytes.hpp"

#include <mbedtls/ecdh.h>
#include <mbedtls/gcm.h>
#include <mbedtls/hkdf.h>
#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>

namespace wharf::keys {

namespace {

constexpr std::size_t k_secret_bytes = 32;
constexpr std::size_t k_key_bytes = 16;
constexpr std::size_t k_nonce_bytes = 12;
constexpr std::size_t k_tag_bytes = 16;
constexpr std::string_view k_kem_suite{"KEM\x00\x10", 5};
constexpr std::string_view k_suite{"HPKE\x00\x10\x00\x01\x00\x01", 10};

unsigned char* bytes_of(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}
const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

// Wipes itself.
struct secret : std::string {
    using std::string::string;
    explicit secret(std::size_t bytes) : std::string(bytes, '\0') {}
    ~secret() { mbedtls_platform_zeroize(data(), size()); }
    secret(const secret&) = delete;
    secret& operator=(const secret&) = delete;
    secret(secret&&) = default;
    secret& operator=(secret&&) = default;
};

const mbedtls_md_info_t* sha_256() {
    return mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
}

result<secret> extract(std::string_view suite, std::string_view salt, std::string_view label,
                       std::string_view input) {
    secret labeled;
    labeled.append("HPKE-v1").append(suite).append(label).append(input);
    secret out(k_secret_bytes);
    if (const int code = mbedtls_hkdf_extract(sha_256(), bytes_of(salt), salt.size(),
                                              bytes_of(labeled), labeled.size(), bytes_of(out));
        code != 0)
        return failed(code, "derive a key");
    return out;
}

result<secret> expand(std::string_view suite, const secret& from, std::string_view label,
                      std::string_view info, std::size_t bytes) {
    std::string labeled;
    put_big<std::uint16_t>(labeled, static_cast<std::uint16_t>(bytes));
    labeled.append("HPKE-v1").append(suite).append(label).append(info);
    secret out(bytes);
    if (const int code = mbedtls_hkdf_expand(sha_256(), bytes_of(std::string_view(from)),
                                             from.size(), bytes_of(std::string_view(labeled)),
                                             labeled.size(), bytes_of(out), out.size());
        code != 0)
        return failed(code, "derive a key");
    return out;
}

// Section 4.1: the secret of one side's scalar and the other's point.
result<secret> shared_secret(const std::string& scalar, const std::string& other_point,
                             std::string_view context) {
    group curve;
    point other;
    number mine;
    number shared;
    if (!curve.loaded) return error{errc::io, "P-256 is not available"};
    int code = mbedtls_ecp_point_read_binary(
        &curve.it, &other.it, bytes_of(std::string_view(other_point)), other_point.size());
    if (code == 0) code = mbedtls_ecp_check_pubkey(&curve.it, &other.it);
    if (code != 0) return error{errc::invalid, "expected a point of P-256"};
    code = mbedtls_mpi_read_binary(&mine.it, bytes_of(std::string_view(scalar)), scalar.size());
    if (code == 0)
        code =
            mbedtls_ecdh_compute_shared(&curve.it, &shared.it, &other.it, &mine.it, draw, nullptr);
    secret agreed(k_scalar_bytes);
    if (code == 0) code = mbedtls_mpi_write_binary(&shared.it, bytes_of(agreed), agreed.size());
    if (code != 0) return failed(code, "agree on a key");
    WHARF_TRY_ASSIGN(const secret pseudorandom, extract(k_kem_suite, {}, "eae_prk", agreed));
    return expand(k_kem_suite, pseudorandom, "shared_secret", context, k_secret_bytes);
}

struct schedule {
    secret key;
    secret nonce;
};

// Section 5.1, mode_base, sequence number 0.
result<schedule> schedule_of(const secret& shared, std::string_view info) {
    WHARF_TRY_ASSIGN(const secret id, extract(k_suite, {}, "psk_id_hash", {}));
    WHARF_TRY_ASSIGN(const secret about, extract(k_suite, {}, "info_hash", info));
    std::string context(1, '\0');
    context.append(id).append(about);
    WHARF_TRY_ASSIGN(const secret pseudorandom, extract(k_suite, shared, "secret", {}));
    WHARF_TRY_ASSIGN(secret key, expand(k_suite, pseudorandom, "key", context, k_key_bytes));
    WHARF_TRY_ASSIGN(secret nonce,
                     expand(k_suite, pseudorandom, "base_nonce", context, k_nonce_bytes));
    return schedule{std::move(key), std::move(nonce)};
}

struct cipher {
    mbedtls_gcm_context it;
    explicit cipher(const secret& key) {
        mbedtls_gcm_init(&it);
        code = mbedtls_gcm_setkey(&it, MBEDTLS_CIPHER_ID_AES, bytes_of(std::string_view(key)),
                                  static_cast<unsigned>(key.size() * 8));
    }
    ~cipher() { mbedtls_gcm_free(&it); }
    cipher(const cipher&) = delete;
    cipher& operator=(const cipher&) = delete;
    int code = 0;
};

} // namespace

result<std::string> hpke_seal(const std::string& recipient_point,
                              const std::string& ephemeral_scalar, std::string_view info,
                              std::string_view associated, std::string_view plain) {
    WHARF_TRY_ASSIGN(std::string out, point_of(ephemeral_scalar));
    WHARF_TRY_ASSIGN(const secret shared,
                     shared_secret(ephemeral_scalar, recipient_point, out + recipient_point));
    WHARF_TRY_ASSIGN(const schedule with, schedule_of(shared, info));
    out.resize(k_point_bytes + plain.size() + k_tag_bytes);
    unsigned char* at = bytes_of(out) + k_point_bytes;
    cipher by(with.key);
    int code = by.code;
    if (code == 0)
        code = mbedtls_gcm_crypt_and_tag(&by.it, MBEDTLS_GCM_ENCRYPT, plain.size(),
                                         bytes_of(std::string_view(with.nonce)), with.nonce.size(),
                                         bytes_of(associated), associated.size(), bytes_of(plain),
                                         at, k_tag_bytes, at + plain.size());
    if (code != 0) return failed(code, "encrypt");
    return out;
}

result<std::string> hpke_open(const std::string& recipient_scalar,
                              const std::string& recipient_point, std::string_view info,
                              std::string_view associated, std::string_view sealed) {
    if (sealed.size() < k_point_bytes + k_tag_bytes)
        return error{errc::invalid,
                     "expected at least " + std::to_string(k_point_bytes + k_tag_bytes) + " bytes"};
    const std::string ephemeral(sealed.substr(0, k_point_bytes));
    WHARF_TRY_ASSIGN(const secret shared,
                     shared_secret(recipient_scalar, ephemeral, ephemeral + recipient_point));
    WHARF_TRY_ASSIGN(const schedule with, schedule_of(shared, info));
    sealed.remove_prefix(k_point_bytes);
    const std::size_t bytes = sealed.size() - k_tag_bytes;
    std::string out(bytes, '\0');
    cipher by(with.key);
    if (by.code != 0) return failed(by.code, "decrypt");
    const int code = mbedtls_gcm_auth_decrypt(&by.it, bytes, bytes_of(std::string_view(with.nonce)),
                                              with.nonce.size(), bytes_of(associated),
                                              associated.size(), bytes_of(sealed) + bytes,
                                              k_tag_bytes, bytes_of(sealed), bytes_of(out));
    if (code != 0) return error{errc::invalid, "it was not sealed to this key for this purpose"};
    return out;
}

result<std::string> point_of(const std::string& scalar) {
    group curve;
    number mine;
    point product;
    if (!curve.loaded) return error{errc::io, "P-256 is not available"};
    int code = mbedtls_mpi_read_binary(&mine.it, bytes_of(std::string_view(scalar)), scalar.size());
    if (code == 0) code = mbedtls_ecp_check_privkey(&curve.it, &mine.it);
    if (code != 0) return error{errc::invalid, "expected a private key of P-256"};
    code = mbedtls_ecp_mul(&curve.it, &product.it, &mine.it, &curve.it.G, draw, nullptr);
    std::string out(k_point_bytes, '\0');
    std::size_t written = 0;
    if (code == 0)
        code = mbedtls_ecp_point_write_binary(&curve.it, &product.it, MBEDTLS_ECP_PF_UNCOMPRESSED,
                                              &written, bytes_of(out), out.size());
    if (code != 0) return failed(code, "make a public key");
    return out;
}

} // namespace wharf::keys
