#include "gateway/platform/tls/chain.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/base/text.hpp"
#include "gateway/base/time.hpp"
#include "gateway/platform/tls/error.hpp"
#include "gateway/platform/tls/seat.hpp"

#include <mbedtls/oid.h>

#include <algorithm>
#include <array>
#include <limits>

namespace wharf::tls {

namespace {

struct certificates {
    mbedtls_x509_crt it;
    certificates() { mbedtls_x509_crt_init(&it); }
    ~certificates() { mbedtls_x509_crt_free(&it); }
    certificates(const certificates&) = delete;
    certificates& operator=(const certificates&) = delete;
};

error refused(const std::string& why) {
    return {errc::invalid, "the certificate: " + why};
}

std::string name_text(const mbedtls_x509_name& of) {
    std::array<char, 1024> text{};
    const int bytes = mbedtls_x509_dn_gets(text.data(), text.size(), &of);
    return bytes > 0 ? printable(std::string(text.data(), static_cast<std::size_t>(bytes)))
                     : std::string();
}

// Byte 0 ends PEM for the library; what came with one inside is no text.
result<std::size_t> read_all(certificates& into, std::string_view pem) {
    if (pem.size() > limits::k_certificate_chain_bytes_max)
        return error{errc::too_large, "the certificate: expected at most " +
                                          std::to_string(limits::k_certificate_chain_bytes_max) +
                                          " bytes"};
    if (pem.find("-----BEGIN CERTIFICATE-----") == pem.npos || pem.find('\0') != pem.npos)
        return refused("expected PEM");
    const std::string text(pem);
    const int code = mbedtls_x509_crt_parse(
        &into.it, reinterpret_cast<const unsigned char*>(text.c_str()), text.size() + 1);
    if (code < 0) return refused(library_words(code));
    if (code > 0) return refused("one of the chain cannot be read");
    std::size_t count = 0;
    for (const auto* one = &into.it; one != nullptr && one->version != 0; one = one->next)
        ++count;
    if (count == 0 || count > limits::k_certificate_chain_max)
        return refused("expected 1 to " + std::to_string(limits::k_certificate_chain_max) +
                       " in the chain");
    return count;
}

bool is_of(const mbedtls_x509_crt& one, const public_key& key) {
    std::array<unsigned char, 4 * 1024> der{};
    auto* of = const_cast<mbedtls_pk_context*>(&one.pk); // the library's signature
    const int bytes = mbedtls_pk_write_pubkey_der(of, der.data(), der.size());
    return bytes > 0 && std::string_view(reinterpret_cast<const char*>(der.data()) + der.size() -
                                             static_cast<std::size_t>(bytes),
                                         static_cast<std::size_t>(bytes)) == key.der();
}

status check_purpose(const mbedtls_x509_crt& one, bool server) {
    const char* oid = server ? MBEDTLS_OID_SERVER_AUTH : MBEDTLS_OID_CLIENT_AUTH;
    const std::size_t bytes = server ? MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)
                                     : MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH);
    if (mbedtls_x509_crt_check_extended_key_usage(&one, oid, bytes) != 0 ||
        mbedtls_x509_crt_check_key_usage(&one, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) != 0)
        return refused(std::string("its authority did not make it for a ") +
                       (server ? "server" : "client"));
    return ok();
}

// Dates are looked at by the gateway's clock, below.
status check_authority(certificates& chain, const std::string& authorities) {
    if (authorities.empty()) return ok();
    certificates trusted;
    if (mbedtls_x509_crt_parse(&trusted.it,
                               reinterpret_cast<const unsigned char*>(authorities.c_str()),
                               authorities.size() + 1) < 0 ||
        trusted.it.version == 0)
        return refused("no authority that the gateway knows can be read");
    std::uint32_t flags = 0;
    const int code =
        mbedtls_x509_crt_verify(&chain.it, &trusted.it, nullptr, nullptr, &flags, nullptr, nullptr);
    flags &=
        ~static_cast<std::uint32_t>(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
    if (code == 0 || (code == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED && flags == 0)) return ok();
    return refused("no authority that the gateway knows vouches for it: " +
                   (flags == 0 ? library_words(code) : verification_words(flags)));
}

} // namespace

result<chain_facts> judge_chain(std::string_view pem, const chain_rules& by) {
    certificates chain;
    WHARF_TRY(read_all(chain, pem));
    if (!is_of(chain.it, by.key))
        return refused("it is not of the key that the gateway made for the newest request");
    WHARF_TRY(check_purpose(chain.it, by.server));
    chain_facts out{name_text(chain.it.subject), name_text(chain.it.issuer),
                    std::numeric_limits<std::int64_t>::min(),
                    std::numeric_limits<std::int64_t>::max()};
    for (const auto* one = &chain.it; one != nullptr && one->version != 0; one = one->next) {
        out.from_s = std::max(out.from_s, seconds_of(one->valid_from));
        out.to_s = std::min(out.to_s, seconds_of(one->valid_to));
    }
    if (by.now_s > out.to_s) return refused("it ended at " + to_rfc3339({out.to_s, 0}));
    if (by.now_s < out.from_s)
        return refused("it begins only at " + to_rfc3339({out.from_s, 0}) +
                       ", or the gateway's clock is wrong");
    WHARF_TRY(check_authority(chain, by.authorities));
    return out;
}

} // namespace wharf::tls
