// A password's hash as it is kept: Argon2id with its parameters and salt in one text (the PHC
// form), as libsodium writes it:
//
//     $argon2id$v=19$m=7168,t=5,p=1$<salt>$<hash>
//
// m in KiB, t passes. Pure; the hashing is gateway/platform/access/password.hpp. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wharf::access {

struct hash_parameters {
    std::uint32_t kib = 0;
    std::uint32_t passes = 0;

    bool operator==(const hash_parameters&) const = default;
};

// Nothing where the text is no such hash.
[[nodiscard]] std::optional<hash_parameters> parameters_of(std::string_view hash);

// What is wrong with the text as a hash, or nothing. The words never repeat the text. Parameters
// that would let one check take more than limits::k_hash_kib_max and k_hash_passes_max are wrong.
[[nodiscard]] std::string check_password_hash(std::string_view text);

} // namespace wharf::access
