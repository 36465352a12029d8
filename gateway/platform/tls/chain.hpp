// Whether what an authority made of a request is good to be used: bytes from outside. Any thread.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/ports/keys.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace wharf::tls {

struct chain_rules {
    public_key key;          // whose certificate it has to be
    bool server = false;     // what it is for: to be shown as a server, or as a client
    std::string authorities; // in PEM, one of which has to vouch for it; empty: it is not known
    std::int64_t now_s = 0;  // since 1970
};

struct chain_facts {
    std::string subject;
    std::string issuer;
    std::int64_t from_s = 0; // the narrowest of the chain
    std::int64_t to_s = 0;
};

// errc::invalid or errc::too_large, with why.
[[nodiscard]] result<chain_facts> judge_chain(std::string_view pem, const chain_rules& by);

} // namespace wharf::tls
