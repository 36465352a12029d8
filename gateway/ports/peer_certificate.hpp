// Who a device's certificate says it is, after the certificate has been verified: chain, dates and
// revocation. For whoever decides what a device may do. Any thread.
#pragma once

#include <string>
#include <vector>

namespace wharf {

struct peer_certificate {
    std::string common_name;            // of its subject; empty: none
    std::vector<std::string> dns_names; // subjectAltName, RFC 5280, section 4.2.1.6
    std::vector<std::string> uris;
    std::string serial;             // as hexadecimal digits
    std::string fingerprint_sha256; // of the whole certificate, as hexadecimal digits
};

} // namespace wharf
