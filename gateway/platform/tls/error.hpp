// What can go wrong with a TLS connection, as codes that Asio's users pass on. Any thread.
#pragma once

#include <boost/system/error_code.hpp>

#include <cstdint>
#include <string>

namespace wharf::tls {

using error_code = boost::system::error_code;

enum class fault {
    truncated = 1,       // the peer's bytes ended without a word: somebody may have cut them off
    handshake_too_large, // limits::k_tls_handshake_bytes_max
    certificate_refused, // the peer's certificate did not pass; engine::refusal() says why
    not_resumable,       // a resumed session whose certificate has ended since
};
[[nodiscard]] error_code make_error_code(fault code) noexcept;

// A (negative) code of mbedTLS, with its words.
[[nodiscard]] error_code library_error(int code) noexcept;
[[nodiscard]] std::string library_words(int code);
// What mbedtls_x509_crt_verify found wrong, in words and on one line.
[[nodiscard]] std::string verification_words(std::uint32_t flags);

} // namespace wharf::tls

template <> struct boost::system::is_error_code_enum<wharf::tls::fault> : std::true_type {};
