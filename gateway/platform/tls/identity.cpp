#include "gateway/platform/tls/identity.hpp"

#include "gateway/base/limits.hpp"

#include <mbedtls/oid.h>
#include <mbedtls/sha256.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string_view>

namespace wharf::tls {

namespace {

std::string_view text_of(const mbedtls_x509_buf& from) {
    return {reinterpret_cast<const char*>(from.p), from.len};
}

bool is_printable(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
    });
}

std::string hexadecimal(std::span<const unsigned char> bytes) {
    static constexpr char k_digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (unsigned char byte : bytes) {
        out.push_back(k_digits[byte >> 4]);
        out.push_back(k_digits[byte & 0xf]);
    }
    return out;
}

void add(std::vector<std::string>& to, std::string_view name) {
    if (is_printable(name) && to.size() < limits::k_tls_peer_names_max) to.emplace_back(name);
}

} // namespace

peer_certificate identity_of(const mbedtls_x509_crt& of) {
    peer_certificate out;
    for (const auto* one = &of.subject; one != nullptr; one = one->next) {
        if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &one->oid) != 0) continue;
        // The last is the most specific (RFC 4514 reads them from there).
        if (is_printable(text_of(one->val))) out.common_name = text_of(one->val);
    }
    for (const auto* one = &of.subject_alt_names; one != nullptr; one = one->next) {
        if (one->buf.p == nullptr) continue;
        constexpr int k_class = MBEDTLS_ASN1_CONTEXT_SPECIFIC;
        if (one->buf.tag == (k_class | MBEDTLS_X509_SAN_DNS_NAME))
            add(out.dns_names, text_of(one->buf));
        if (one->buf.tag == (k_class | MBEDTLS_X509_SAN_UNIFORM_RESOURCE_IDENTIFIER))
            add(out.uris, text_of(one->buf));
    }
    out.serial = hexadecimal({of.serial.p, of.serial.len});
    std::array<unsigned char, 32> digest{};
    if (mbedtls_sha256_ret(of.raw.p, of.raw.len, digest.data(), 0) == 0)
        out.fingerprint_sha256 = hexadecimal(digest);
    return out;
}

} // namespace wharf::tls
