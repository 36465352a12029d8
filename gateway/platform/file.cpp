#include "gateway/platform/file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace wharf {

namespace {

result<struct stat> look_at(const std::string& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return system_error(path);
    return found;
}

result<bool> make_folder(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) == 0) return true;
    if (errno == ENOENT && folder_above(path) != path) {
        WHARF_TRY(make_folder(folder_above(path), 0777));
        if (::mkdir(path.c_str(), mode) == 0) return true;
    }
    if (errno != EEXIST) return system_error("make folder " + path);
    WHARF_TRY_ASSIGN(struct stat found, look_at(path));
    if (!S_ISDIR(found.st_mode)) return error{errc::io, "make folder " + path + ": it is a file"};
    return false;
}

} // namespace

fd_guard::~fd_guard() {
    if (fd_ >= 0) ::close(fd_);
}

error system_error(std::string_view doing) {
    const int code = errno;
    const bool full = code == ENOSPC || code == EDQUOT;
    errc kind = full ? errc::no_space : code == ENOENT ? errc::not_found : errc::io;
    return error{kind, std::string(doing) + ": " + std::system_category().message(code)};
}

status sync_folder(const std::string& path) {
    fd_guard folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.get() < 0 || ::fsync(folder.get()) != 0) return system_error("sync folder " + path);
    return ok();
}

result<std::uint64_t> file_size(const std::string& path) {
    WHARF_TRY_ASSIGN(struct stat found, look_at(path));
    return static_cast<std::uint64_t>(found.st_size);
}

status allocate_file(const std::string& path, std::uint64_t bytes) {
    constexpr std::uint64_t k_block_bytes = 512; // of st_blocks, whatever the file system's are
    fd_guard file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    struct stat is {};
    if (file.get() < 0 || ::fstat(file.get(), &is) != 0) return system_error("open " + path);
    if (static_cast<std::uint64_t>(is.st_blocks) * k_block_bytes >= bytes) return ok();
    if (::fallocate(file.get(), 0, 0, static_cast<off_t>(bytes)) != 0) {
        if (errno != EOPNOTSUPP) return system_error("allocate " + path);
        // What can be read, zeros where there is nothing, written in full.
        std::string content(static_cast<std::size_t>(bytes), '\0');
        if (::pread(file.get(), content.data(), content.size(), 0) < 0 ||
            ::pwrite(file.get(), content.data(), content.size(), 0) !=
                static_cast<ssize_t>(content.size()))
            return system_error("allocate " + path);
    }
    if (::fsync(file.get()) != 0) return system_error("sync " + path);
    return ok();
}

result<std::uint32_t> file_mode(const std::string& path) {
    WHARF_TRY_ASSIGN(struct stat found, look_at(path));
    return static_cast<std::uint32_t>(found.st_mode & 07777);
}

result<bool> make_folder(const std::string& path) {
    return make_folder(path, 0700);
}

std::string folder_above(std::string path) {
    while (path.size() > 1 && path.ends_with('/'))
        path.pop_back();
    const auto slash = path.rfind('/');
    if (slash == path.npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

} // namespace wharf
