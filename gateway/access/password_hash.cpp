#include "gateway/access/password_hash.hpp"

#include "gateway/base/limits.hpp"

#include <algorithm>
#include <charconv>

namespace wharf::access {

namespace {

// Takes text off the front.
bool take(std::string_view& from, std::string_view text) {
    if (!from.starts_with(text)) return false;
    from.remove_prefix(text.size());
    return true;
}

bool take_number(std::string_view& from, std::uint32_t& to) {
    if (from.empty() || from.front() < '1' || from.front() > '9') return false;
    const auto [end, failed] = std::from_chars(from.data(), from.data() + from.size(), to);
    if (failed != std::errc{}) return false;
    from.remove_prefix(static_cast<std::size_t>(end - from.data()));
    return true;
}

bool is_base64(std::string_view text, std::size_t least) {
    return text.size() >= least && std::ranges::all_of(text, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '+' || c == '/';
           });
}

// As long as libsodium writes it: crypto_pwhash_STRBYTES with the NUL at its end.
constexpr std::size_t k_hash_text_bytes_max = 127;

} // namespace

std::optional<hash_parameters> parameters_of(std::string_view hash) {
    hash_parameters out;
    if (hash.size() > k_hash_text_bytes_max) return std::nullopt;
    if (!take(hash, "$argon2id$v=19$m=") || !take_number(hash, out.kib) || !take(hash, ",t=") ||
        !take_number(hash, out.passes) || !take(hash, ",p=1$"))
        return std::nullopt;
    const auto dollar = hash.find('$');
    if (dollar == std::string_view::npos) return std::nullopt;
    // 16 bytes of salt and 32 of hash, without padding.
    if (!is_base64(hash.substr(0, dollar), 22) || !is_base64(hash.substr(dollar + 1), 43))
        return std::nullopt;
    return out;
}

std::string check_password_hash(std::string_view text) {
    const auto found = parameters_of(text);
    if (!found)
        return "expected a hash as wharfctl passwd writes it ($argon2id$...); a password in plain "
               "text has no place here";
    if (found->kib > limits::k_hash_kib_max || found->passes > limits::k_hash_passes_max)
        return "expected a hash of at most m=" + std::to_string(limits::k_hash_kib_max) +
               " and t=" + std::to_string(limits::k_hash_passes_max) +
               ", found m=" + std::to_string(found->kib) +
               " and t=" + std::to_string(found->passes);
    return {};
}

} // namespace wharf::access
