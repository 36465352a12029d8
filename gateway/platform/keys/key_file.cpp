#include "gateway/platform/keys/key_file.hpp"

#include "gateway/platform/private_file.hpp"

#include <mbedtls/platform_util.h>

namespace wharf {

namespace {
constexpr std::size_t k_key_file_bytes_max = 16 * 1024;
constexpr std::uint32_t k_key_mode = 0600;
} // namespace

result<private_key> read_key_file(const std::string& path) {
    WHARF_TRY_ASSIGN(std::string text, read_private_file(path, {k_key_mode, k_key_file_bytes_max,
                                                                "holds a private key"}));
    auto key = private_key::read(text);
    mbedtls_platform_zeroize(text.data(), text.size());
    if (!key.ok()) return std::move(key).failure().in(path);
    return key;
}

result<private_key> read_or_make_key_file(const std::string& path) {
    auto found = read_key_file(path);
    if (found.ok() || found.failure().code != errc::not_found) return found;
    WHARF_TRY_ASSIGN(auto made, private_key::make());
    std::string text = made.pem();
    auto written = replace_private_file(path, text, k_key_mode);
    mbedtls_platform_zeroize(text.data(), text.size());
    WHARF_TRY(std::move(written));
    return made;
}

result<public_key> read_public_key_file(const std::string& path) {
    WHARF_TRY_ASSIGN(const std::string text,
                     read_private_file(path, {07777, k_key_file_bytes_max, "is public"}));
    auto key = public_key::read(text);
    if (!key.ok()) return std::move(key).failure().in(path);
    return key;
}

} // namespace wharf
