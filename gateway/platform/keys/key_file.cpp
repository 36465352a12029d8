#include "gateway/platform/keys/key_file.hpp"

#include "gateway/platform/file.hpp"
#include "gateway/platform/private_file.hpp"

#include <mbedtls/platform_util.h>

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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

status destroy_key_file(const std::string& path) {
    const fd_guard file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    if (file.get() < 0 && errno == ENOENT) return ok();
    if (file.get() < 0) return system_error("open " + path);
    struct ::stat found {};
    if (::fstat(file.get(), &found) != 0) return system_error("look at " + path);
    const std::string zeros(static_cast<std::size_t>(found.st_size), '\0');
    if (::pwrite(file.get(), zeros.data(), zeros.size(), 0) !=
            static_cast<::ssize_t>(zeros.size()) ||
        ::fsync(file.get()) != 0)
        return system_error("write over " + path);
    if (::unlink(path.c_str()) != 0) return system_error("remove " + path);
    return sync_folder(folder_above(path));
}

result<public_key> read_public_key_file(const std::string& path) {
    WHARF_TRY_ASSIGN(const std::string text,
                     read_private_file(path, {07777, k_key_file_bytes_max, "is public"}));
    auto key = public_key::read(text);
    if (!key.ok()) return std::move(key).failure().in(path);
    return key;
}

} // namespace wharf
