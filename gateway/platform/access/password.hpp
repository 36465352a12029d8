// Passwords: Argon2id of libsodium. Slow on purpose, some 10 ms of a fast core and 7 MiB each: for
// workers, never for the network thread. Any thread.
#pragma once

#include "gateway/access/password_hash.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/base/result.hpp"

#include <string>
#include <string_view>

namespace wharf::access {

// 7 MiB and 5 passes: of the parameters that OWASP's password storage page names as equals the one
// with the least memory.
inline constexpr hash_parameters k_hash_default{limits::k_hash_kib_default,
                                                limits::k_hash_passes_default};

// errc::invalid where the password is too short, too long or holds a NUL; errc::io without memory.
[[nodiscard]] result<std::string> hash_password(std::string_view password,
                                                const hash_parameters& with = k_hash_default);
// False also where there is no memory for it, or the hash is none.
[[nodiscard]] bool password_fits(const std::string& hash, std::string_view password);

// 26 letters and digits, 130 random bits, without those that look alike.
[[nodiscard]] result<std::string> generated_password();

// A hash that no password is known for, for names that nobody has.
[[nodiscard]] result<std::string> decoy_hash();

} // namespace wharf::access
