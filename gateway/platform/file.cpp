#include "gateway/platform/file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace wharf {

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

} // namespace wharf
