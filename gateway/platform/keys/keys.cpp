#include "gateway/ports/keys.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/platform/keys/ecp.hpp"

#include <mbedtls/ecdsa.h>
#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <sodium/randombytes.h>

#include <array>

namespace wharf {

namespace keys {

int draw(void*, unsigned char* out, std::size_t bytes) {
    randombytes_buf(out, bytes);
    return 0;
}

error failed(int code, std::string_view doing) {
    std::array<char, 128> text{};
    mbedtls_strerror(code, text.data(), text.size());
    return {errc::io, std::string(doing) + ": " + text.data()};
}

} // namespace keys

namespace {

constexpr std::size_t k_pem_bytes_max = 16 * 1024;
constexpr std::size_t k_der_bytes_max = 256;

struct pk {
    mbedtls_pk_context it;
    pk() { mbedtls_pk_init(&it); }
    ~pk() { mbedtls_pk_free(&it); }
    pk(const pk&) = delete;
    pk& operator=(const pk&) = delete;
    [[nodiscard]] mbedtls_ecp_keypair* pair() const {
        if (mbedtls_pk_can_do(&it, MBEDTLS_PK_ECKEY) == 0) return nullptr;
        auto* found = mbedtls_pk_ec(it);
        return found->grp.id == MBEDTLS_ECP_DP_SECP256R1 ? found : nullptr;
    }
};

// With the zero that mbedTLS wants behind PEM; DER is told by its first byte.
std::string for_parser(std::string_view text) {
    std::string out(text);
    if (text.starts_with("-----") || text.find("-----BEGIN") != std::string_view::npos)
        out.push_back('\0');
    return out;
}

const unsigned char* bytes_of(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

} // namespace

// --- the public half -----------------------------------------------------------------------------

struct public_key::parts {
    std::string der;
    std::string point;
    key_fingerprint fingerprint{};
};

result<public_key> public_key::read(std::string_view text) {
    if (text.empty() || text.size() > k_pem_bytes_max)
        return error{errc::invalid, "expected a public key of P-256 in PEM or DER"};
    pk key;
    const std::string given = for_parser(text);
    const int code = mbedtls_pk_parse_public_key(&key.it, bytes_of(given), given.size());
    auto* pair = code == 0 ? key.pair() : nullptr;
    if (pair == nullptr || mbedtls_ecp_check_pubkey(&pair->grp, &pair->Q) != 0)
        return error{errc::invalid, "expected a public key of P-256 in PEM or DER"};
    auto made = std::make_shared<parts>();
    std::array<unsigned char, k_der_bytes_max> der{};
    const int bytes = mbedtls_pk_write_pubkey_der(&key.it, der.data(), der.size());
    if (bytes <= 0) return keys::failed(bytes, "write a public key");
    // It writes from the end.
    made->der.assign(reinterpret_cast<const char*>(der.data() + der.size() - bytes),
                     static_cast<std::size_t>(bytes));
    std::array<unsigned char, keys::k_point_bytes> point{};
    std::size_t written = 0;
    if (const int failed =
            mbedtls_ecp_point_write_binary(&pair->grp, &pair->Q, MBEDTLS_ECP_PF_UNCOMPRESSED,
                                           &written, point.data(), point.size());
        failed != 0)
        return keys::failed(failed, "write a public key");
    made->point.assign(reinterpret_cast<const char*>(point.data()), written);
    made->fingerprint = sha256(made->der);
    public_key out;
    out.parts_ = std::move(made);
    return out;
}

const std::string& public_key::der() const {
    return parts_->der;
}

const key_fingerprint& public_key::fingerprint() const {
    return parts_->fingerprint;
}

std::string public_key::pem() const {
    pk key;
    std::array<unsigned char, 1024> text{};
    int code = mbedtls_pk_parse_public_key(&key.it, bytes_of(parts_->der), parts_->der.size());
    if (code == 0) code = mbedtls_pk_write_pubkey_pem(&key.it, text.data(), text.size());
    WHARF_ASSERT(code == 0); // it was read from there
    return reinterpret_cast<const char*>(text.data());
}

bool public_key::verifies(std::string_view message, std::string_view signature) const {
    if (signature.size() != k_signature_bytes) return false;
    keys::group curve;
    keys::point by;
    keys::number r;
    keys::number s;
    const auto* at = reinterpret_cast<const unsigned char*>(signature.data());
    if (!curve.loaded || mbedtls_mpi_read_binary(&r.it, at, keys::k_scalar_bytes) != 0 ||
        mbedtls_mpi_read_binary(&s.it, at + keys::k_scalar_bytes, keys::k_scalar_bytes) != 0 ||
        mbedtls_ecp_point_read_binary(&curve.it, &by.it, bytes_of(parts_->point),
                                      parts_->point.size()) != 0)
        return false;
    const sha256_digest digest = sha256(message);
    return mbedtls_ecdsa_verify(&curve.it, reinterpret_cast<const unsigned char*>(digest.data()),
                                digest.size(), &by.it, &r.it, &s.it) == 0;
}

result<std::string> public_key::seal(std::string_view plain, std::string_view info) const {
    WHARF_TRY_ASSIGN(const private_key ephemeral, private_key::make());
    return ephemeral.seal_to(*this, plain, info);
}

// --- the private half ----------------------------------------------------------------------------

struct private_key::parts {
    ~parts() { mbedtls_platform_zeroize(scalar.data(), scalar.size()); }
    std::string scalar = {};
    public_key half = {};
};

result<private_key> private_key::make() {
    pk key;
    int code = mbedtls_pk_setup(&key.it, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (code == 0)
        code = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key.it), keys::draw,
                                   nullptr);
    std::array<unsigned char, 1024> text{};
    if (code == 0) code = mbedtls_pk_write_key_pem(&key.it, text.data(), text.size());
    if (code != 0) return keys::failed(code, "make a key");
    auto made = read(reinterpret_cast<const char*>(text.data()));
    mbedtls_platform_zeroize(text.data(), text.size());
    return made;
}

result<private_key> private_key::read(std::string_view pem) {
    const error wrong{errc::invalid, "expected a private key of P-256 in PEM, without passphrase"};
    if (pem.empty() || pem.size() > k_pem_bytes_max) return wrong;
    pk key;
    std::string given = for_parser(pem);
    const int parsed = mbedtls_pk_parse_key(&key.it, bytes_of(given), given.size(), nullptr, 0);
    mbedtls_platform_zeroize(given.data(), given.size());
    auto* pair = parsed == 0 ? key.pair() : nullptr;
    if (pair == nullptr || mbedtls_ecp_check_privkey(&pair->grp, &pair->d) != 0) return wrong;
    auto made = std::make_shared<parts>();
    made->scalar.resize(keys::k_scalar_bytes);
    if (const int code = mbedtls_mpi_write_binary(
            &pair->d, reinterpret_cast<unsigned char*>(made->scalar.data()), made->scalar.size());
        code != 0)
        return keys::failed(code, "read a key");
    // The public half is computed, not believed.
    if (mbedtls_ecp_mul(&pair->grp, &pair->Q, &pair->d, &pair->grp.G, keys::draw, nullptr) != 0)
        return wrong;
    std::array<unsigned char, k_der_bytes_max> der{};
    const int bytes = mbedtls_pk_write_pubkey_der(&key.it, der.data(), der.size());
    if (bytes <= 0) return keys::failed(bytes, "write a public key");
    WHARF_TRY_ASSIGN(
        made->half,
        public_key::read({reinterpret_cast<const char*>(der.data() + der.size() - bytes),
                          static_cast<std::size_t>(bytes)}));
    private_key out;
    out.parts_ = std::move(made);
    return out;
}

std::string private_key::pem() const {
    pk key;
    std::array<unsigned char, 1024> text{};
    int code = mbedtls_pk_setup(&key.it, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    auto* pair = mbedtls_pk_ec(key.it);
    if (code == 0) code = mbedtls_ecp_group_load(&pair->grp, MBEDTLS_ECP_DP_SECP256R1);
    if (code == 0)
        code = mbedtls_mpi_read_binary(&pair->d, bytes_of(parts_->scalar), parts_->scalar.size());
    if (code == 0)
        code = mbedtls_ecp_mul(&pair->grp, &pair->Q, &pair->d, &pair->grp.G, keys::draw, nullptr);
    if (code == 0) code = mbedtls_pk_write_key_pem(&key.it, text.data(), text.size());
    WHARF_ASSERT(code == 0); // it was read
    std::string out = reinterpret_cast<const char*>(text.data());
    mbedtls_platform_zeroize(text.data(), text.size());
    return out;
}

const public_key& private_key::half() const {
    return parts_->half;
}

result<std::string> private_key::sign(std::string_view message) const {
    keys::group curve;
    keys::number mine;
    keys::number r;
    keys::number s;
    if (!curve.loaded) return error{errc::io, "P-256 is not available"};
    const sha256_digest digest = sha256(message);
    std::string out(k_signature_bytes, '\0');
    auto* at = reinterpret_cast<unsigned char*>(out.data());
    int code = mbedtls_mpi_read_binary(&mine.it, bytes_of(parts_->scalar), parts_->scalar.size());
    if (code == 0)
        code = mbedtls_ecdsa_sign_det_ext(&curve.it, &r.it, &s.it, &mine.it,
                                          reinterpret_cast<const unsigned char*>(digest.data()),
                                          digest.size(), MBEDTLS_MD_SHA256, keys::draw, nullptr);
    if (code == 0) code = mbedtls_mpi_write_binary(&r.it, at, keys::k_scalar_bytes);
    if (code == 0)
        code = mbedtls_mpi_write_binary(&s.it, at + keys::k_scalar_bytes, keys::k_scalar_bytes);
    if (code != 0) return keys::failed(code, "sign");
    return out;
}

result<std::string> private_key::seal_to(const public_key& whom, std::string_view plain,
                                         std::string_view info) const {
    return keys::hpke_seal(whom.parts_->point, parts_->scalar, info, {}, plain);
}

result<std::string> private_key::open(std::string_view sealed, std::string_view info) const {
    return keys::hpke_open(parts_->scalar, parts_->half.parts_->point, info, {}, sealed);
}

} // namespace wharf
