#include "gateway/platform/tls/request.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/platform/tls/error.hpp"

#include <boost/asio/ip/address.hpp>

#include <mbedtls/asn1write.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>
#include <sodium/randombytes.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace wharf::tls {

namespace {

constexpr int k_class = MBEDTLS_ASN1_CONTEXT_SPECIFIC;
constexpr std::size_t k_common_name_bytes_max = 64; // X.520, ub-common-name
constexpr std::size_t k_pem_bytes_max = 16 * 1024;

struct general_name {
    int type = 0; // MBEDTLS_X509_SAN_*
    std::string value;
};

struct request {
    mbedtls_x509write_csr it;
    request() { mbedtls_x509write_csr_init(&it); }
    ~request() { mbedtls_x509write_csr_free(&it); }
    request(const request&) = delete;
    request& operator=(const request&) = delete;
};

struct certificate {
    mbedtls_x509_crt it;
    certificate() { mbedtls_x509_crt_init(&it); }
    ~certificate() { mbedtls_x509_crt_free(&it); }
    certificate(const certificate&) = delete;
    certificate& operator=(const certificate&) = delete;
};

struct key_pair {
    mbedtls_pk_context it;
    key_pair() { mbedtls_pk_init(&it); }
    ~key_pair() { mbedtls_pk_free(&it); }
    key_pair(const key_pair&) = delete;
    key_pair& operator=(const key_pair&) = delete;
};

int draw(void*, unsigned char* out, std::size_t bytes) {
    randombytes_buf(out, bytes);
    return 0;
}

error failed(std::string_view doing, int code) {
    return {errc::io, std::string(doing) + ": " + library_words(code)};
}

bool is_plain(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f && c != '\\';
    });
}

// As the library reads a subject: a comma ends a value unless it is told otherwise.
void add_attribute(std::string& to, std::string_view type, std::string_view value) {
    if (!to.empty()) to += ",";
    to.append(type).append("=");
    for (const char c : value) {
        if (c == ',') to += '\\';
        to += c;
    }
}

// Attributes that have no short name, or a value that cannot be written, are left out.
std::string subject_of(const mbedtls_x509_crt& present) {
    std::string out;
    for (const auto* one = &present.subject; one != nullptr; one = one->next) {
        const char* type = nullptr;
        const std::string_view value(reinterpret_cast<const char*>(one->val.p), one->val.len);
        if (one->oid.p != nullptr && mbedtls_oid_get_attr_short_name(&one->oid, &type) == 0 &&
            is_plain(value))
            add_attribute(out, type, value);
    }
    return out;
}

std::vector<general_name> names_of(const mbedtls_x509_crt& present) {
    std::vector<general_name> out;
    for (const auto* one = &present.subject_alt_names; one != nullptr; one = one->next) {
        if (one->buf.p == nullptr || (one->buf.tag & k_class) == 0) continue;
        const int type = one->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK;
        if ((type == MBEDTLS_X509_SAN_DNS_NAME || type == MBEDTLS_X509_SAN_IP_ADDRESS ||
             type == MBEDTLS_X509_SAN_UNIFORM_RESOURCE_IDENTIFIER) &&
            out.size() < limits::k_certificate_names_max)
            out.push_back({type, {reinterpret_cast<const char*>(one->buf.p), one->buf.len}});
    }
    return out;
}

result<general_name> name_of(const std::string& text) {
    if (text.size() > limits::k_certificate_name_bytes_max || !is_plain(text))
        return error{errc::invalid, "names: expected 1 to " +
                                        std::to_string(limits::k_certificate_name_bytes_max) +
                                        " bytes of text each"};
    boost::system::error_code none;
    const auto address = boost::asio::ip::make_address(text, none);
    const auto copied = [](const auto& bytes) { return std::string(bytes.begin(), bytes.end()); };
    if (!none)
        return general_name{MBEDTLS_X509_SAN_IP_ADDRESS, address.is_v4()
                                                             ? copied(address.to_v4().to_bytes())
                                                             : copied(address.to_v6().to_bytes())};
    if (text.find(':') != std::string::npos)
        return general_name{MBEDTLS_X509_SAN_UNIFORM_RESOURCE_IDENTIFIER, text};
    const bool good = std::ranges::all_of(text, [](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '-' || c == '_' || c == '*';
    });
    if (!good)
        return error{errc::invalid,
                     "names: expected a DNS name, an address or a URI, found \"" + text + "\""};
    return general_name{MBEDTLS_X509_SAN_DNS_NAME, text};
}

// SubjectAltName (RFC 5280, section 4.2.1.6), written from its end.
result<std::string> written(const std::vector<general_name>& names) {
    std::array<unsigned char, 8 * 1024> space{};
    unsigned char* const from = space.data();
    unsigned char* at = from + space.size();
    int bytes = 0;
    const auto add = [&](int code) {
        bytes = code < 0 || bytes < 0 ? std::min(code, -1) : bytes + code;
    };
    for (auto one = names.rbegin(); one != names.rend(); ++one) {
        add(mbedtls_asn1_write_raw_buffer(&at, from,
                                          reinterpret_cast<const unsigned char*>(one->value.data()),
                                          one->value.size()));
        add(mbedtls_asn1_write_len(&at, from, one->value.size()));
        add(mbedtls_asn1_write_tag(&at, from, static_cast<unsigned char>(k_class | one->type)));
    }
    if (bytes >= 0) add(mbedtls_asn1_write_len(&at, from, static_cast<std::size_t>(bytes)));
    add(mbedtls_asn1_write_tag(&at, from, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE));
    if (bytes < 0) return error{errc::too_large, "names: they are too long together"};
    return std::string(reinterpret_cast<const char*>(at), static_cast<std::size_t>(bytes));
}

} // namespace

result<std::string> make_request(const private_key& key, const request_words& of) {
    if (of.names.size() > limits::k_certificate_names_max)
        return error{errc::invalid,
                     "names: expected at most " + std::to_string(limits::k_certificate_names_max)};
    certificate present;
    if (!of.present.empty())
        if (const int code = mbedtls_x509_crt_parse(
                &present.it, reinterpret_cast<const unsigned char*>(of.present.c_str()),
                of.present.size() + 1);
            code < 0)
            return failed("the present certificate", code);
    std::string subject = subject_of(present.it);
    if (!of.common_name.empty()) {
        if (of.common_name.size() > k_common_name_bytes_max || !is_plain(of.common_name))
            return error{errc::invalid, "common_name: expected 1 to 64 bytes of text"};
        subject.clear();
        add_attribute(subject, "CN", of.common_name);
    }
    if (subject.empty())
        return error{errc::invalid, "common_name: expected one, because there is no present "
                                    "certificate with a subject"};
    std::vector<general_name> names = names_of(present.it);
    if (!of.names.empty()) names.clear();
    for (const std::string& text : of.names) {
        WHARF_TRY_ASSIGN(auto name, name_of(text));
        names.push_back(std::move(name));
    }
    request made;
    key_pair own;
    std::string pem = key.pem();
    int code = mbedtls_pk_parse_key(&own.it, reinterpret_cast<const unsigned char*>(pem.c_str()),
                                    pem.size() + 1, nullptr, 0);
    mbedtls_platform_zeroize(pem.data(), pem.size());
    if (code != 0) return failed("the key", code);
    mbedtls_x509write_csr_set_md_alg(&made.it, MBEDTLS_MD_SHA256);
    mbedtls_x509write_csr_set_key(&made.it, &own.it);
    if (code = mbedtls_x509write_csr_set_subject_name(&made.it, subject.c_str()); code != 0)
        return error{errc::invalid, "the subject " + subject + ": " + library_words(code)};
    if (!names.empty()) {
        WHARF_TRY_ASSIGN(const std::string value, written(names));
        code = mbedtls_x509write_csr_set_extension(
            &made.it, MBEDTLS_OID_SUBJECT_ALT_NAME, MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME),
            reinterpret_cast<const unsigned char*>(value.data()), value.size());
        if (code != 0) return failed("names", code);
    }
    std::array<unsigned char, k_pem_bytes_max> out{};
    if (code = mbedtls_x509write_csr_pem(&made.it, out.data(), out.size(), draw, nullptr);
        code != 0)
        return failed("the request", code);
    return std::string(reinterpret_cast<const char*>(out.data()));
}

} // namespace wharf::tls
