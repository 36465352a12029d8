#include "gateway/platform/tls/files.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/platform/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mbedtls/platform_util.h>

#include <cerrno>

namespace wharf::tls {

namespace {

result<std::string> read_file(const std::string& path) {
    if (path.empty()) return std::string();
    fd_guard file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return system_error(path);
    std::string out;
    // In one piece, so that no copy of a key is left behind by growing.
    WHARF_TRY_ASSIGN(auto size, file_size(path));
    if (size > limits::k_tls_file_bytes_max)
        return error{errc::too_large, path + ": expected at most " +
                                          std::to_string(limits::k_tls_file_bytes_max) + " bytes"};
    out.resize(static_cast<std::size_t>(size) + 1);
    std::size_t filled = 0;
    while (filled < out.size()) {
        const auto got = ::read(file.get(), out.data() + filled, out.size() - filled);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_error(path);
        if (got == 0) break;
        filled += static_cast<std::size_t>(got);
    }
    if (filled > size) return error{errc::io, path + ": it grows while it is read"};
    out.resize(filled);
    return out;
}

} // namespace

file_contents::~file_contents() {
    if (!key.empty()) mbedtls_platform_zeroize(key.data(), key.size());
}

result<file_contents> read_files(const file_names& from) {
    file_contents out;
    WHARF_TRY_ASSIGN(out.certificate, read_file(from.certificate));
    WHARF_TRY_ASSIGN(out.key, read_file(from.key));
    WHARF_TRY_ASSIGN(out.trusted, read_file(from.trusted));
    WHARF_TRY_ASSIGN(out.revoked, read_file(from.revoked));
    return out;
}

file_stamps file_stamps::of(const file_names& files) {
    const std::array<const std::string*, 4> names = {&files.certificate, &files.key, &files.trusted,
                                                     &files.revoked};
    file_stamps out;
    for (std::size_t i = 0; i < names.size(); ++i) {
        struct stat found {};
        // What is not there has no stamp, and one once it comes.
        if (names[i]->empty() || ::stat(names[i]->c_str(), &found) != 0) continue;
        out.of_[i].changed_ns =
            std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec;
        out.of_[i].inode = found.st_ino;
        out.of_[i].size = static_cast<std::uint64_t>(found.st_size);
    }
    return out;
}

} // namespace wharf::tls
