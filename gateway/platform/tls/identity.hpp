// The names in a certificate. Only for this folder.
#pragma once

#include "gateway/ports/peer_certificate.hpp"

#include <mbedtls/x509_crt.h>

namespace wharf::tls {

// At most limits::k_tls_peer_names_max names of each kind; one with control characters is none.
[[nodiscard]] peer_certificate identity_of(const mbedtls_x509_crt& of);

} // namespace wharf::tls
