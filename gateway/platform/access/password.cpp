#include "gateway/platform/access/password.hpp"

#include <sodium/core.h>
#include <sodium/crypto_pwhash.h>
#include <sodium/randombytes.h>

#include <array>

namespace wharf::access {

namespace {

status ready() {
    if (sodium_init() < 0) return error{errc::io, "libsodium cannot begin"};
    return ok();
}

constexpr std::size_t k_generated_letters = 26;
// 32 of them, so that each is 5 bits: no 0, o, 1, l.
constexpr std::string_view k_letters = "abcdefghijkmnpqrstuvwxyz23456789";
static_assert(k_letters.size() == 32);

} // namespace

result<std::string> hash_password(std::string_view password, const hash_parameters& with) {
    WHARF_TRY(ready());
    if (password.size() < limits::k_password_bytes_min ||
        password.size() > limits::k_password_bytes_max ||
        password.find('\0') != std::string_view::npos)
        return error{errc::invalid, "expected a password of " +
                                        std::to_string(limits::k_password_bytes_min) + " to " +
                                        std::to_string(limits::k_password_bytes_max) + " bytes"};
    std::array<char, crypto_pwhash_STRBYTES> out{};
    if (crypto_pwhash_str_alg(out.data(), password.data(), password.size(), with.passes,
                              std::size_t{with.kib} * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return error{errc::io, "there is no memory to hash a password"};
    return std::string(out.data());
}

bool password_fits(const std::string& hash, std::string_view password) {
    return ready().ok() && check_password_hash(hash).empty() &&
           crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
}

result<std::string> generated_password() {
    WHARF_TRY(ready());
    std::string out;
    for (std::size_t i = 0; i < k_generated_letters; ++i)
        out += k_letters[randombytes_uniform(static_cast<std::uint32_t>(k_letters.size()))];
    return out;
}

result<std::string> decoy_hash() {
    WHARF_TRY_ASSIGN(const auto nobodys, generated_password());
    return hash_password(nobodys);
}

} // namespace wharf::access
