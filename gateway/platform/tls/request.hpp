// A request for a certificate (PKCS #10, RFC 2986) of a key of ours. Any thread.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/ports/keys.hpp"

#include <string>
#include <vector>

namespace wharf::tls {

struct request_words {
    std::string present;            // the certificate in use, in PEM; empty: there is none
    std::string common_name;        // empty: the subject of the present one
    std::vector<std::string> names; // DNS names, addresses, URIs; none: those of the present one
};

// In PEM. Errors name what cannot stand in one.
[[nodiscard]] result<std::string> make_request(const private_key& key, const request_words& of);

} // namespace wharf::tls
