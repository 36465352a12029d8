#include "gateway/platform/tls/error.hpp"

#include <mbedtls/error.h>
#include <mbedtls/x509_crt.h>

#include <array>

namespace wharf::tls {

namespace {

// Boost's categories are never destroyed by a pointer to their base.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"

class own_category final : public boost::system::error_category {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "wharf.tls"; }
    [[nodiscard]] std::string message(int code) const override {
        switch (static_cast<fault>(code)) {
        case fault::truncated:
            return "the TLS stream ended without a close";
        case fault::handshake_too_large:
            return "the TLS handshake is too long";
        case fault::certificate_refused:
            return "the peer's certificate is refused";
        case fault::not_resumable:
            return "the certificate of a resumed TLS session has ended";
        }
        return "unknown";
    }
};

class library_category final : public boost::system::error_category {
  public:
    [[nodiscard]] const char* name() const noexcept override { return "mbedtls"; }
    [[nodiscard]] std::string message(int code) const override { return library_words(code); }
};

#pragma GCC diagnostic pop

} // namespace

error_code make_error_code(fault code) noexcept {
    static const own_category category;
    return {static_cast<int>(code), category};
}

error_code library_error(int code) noexcept {
    static const library_category category;
    return {code, category};
}

std::string library_words(int code) {
    std::array<char, 160> words{};
    mbedtls_strerror(code, words.data(), words.size());
    return words.data();
}

std::string verification_words(std::uint32_t flags) {
    std::array<char, 1024> words{};
    mbedtls_x509_crt_verify_info(words.data(), words.size(), "", flags);
    std::string out = words.data();
    while (out.ends_with('\n'))
        out.pop_back();
    for (std::size_t at = out.find('\n'); at != out.npos; at = out.find('\n', at))
        out.replace(at, 1, "; ");
    return out;
}

} // namespace wharf::tls
