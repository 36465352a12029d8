#include "gateway/platform/private_file.hpp"

#include "gateway/platform/file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace wharf {

namespace {

result<std::string> read_all(int file, const std::string& path, std::size_t bytes_max) {
    std::string out;
    char piece[16 * 1024];
    while (true) {
        const auto got = ::read(file, piece, sizeof piece);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_error("read " + path);
        if (got == 0) return out;
        out.append(piece, static_cast<std::size_t>(got));
        if (out.size() > bytes_max)
            return error{errc::too_large,
                         path + ": expected at most " + std::to_string(bytes_max) + " bytes"};
    }
}

status write_all(int file, std::string_view text, const std::string& path) {
    while (!text.empty()) {
        const auto put = ::write(file, text.data(), text.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return system_error("write " + path);
        text.remove_prefix(static_cast<std::size_t>(put));
    }
    return ok();
}

std::string octal(std::uint32_t mode) {
    std::string out = "0";
    for (int shift = 6; shift >= 0; shift -= 3)
        out += static_cast<char>('0' + ((mode >> shift) & 7));
    return out;
}

status fill(const std::string& beside, const std::string& path, std::string_view content,
            std::uint32_t mode, std::optional<file_owner> owner) {
    fd_guard file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                         S_IRUSR | S_IWUSR));
    if (file.get() < 0) return system_error("make " + beside);
    WHARF_TRY(write_all(file.get(), content, beside));
    if (owner && ::fchown(file.get(), owner->user, owner->group) != 0)
        return system_error("give " + beside + " the owner of " + path);
    if (::fchmod(file.get(), mode) != 0) return system_error("give " + beside + " its mode");
    if (::fsync(file.get()) != 0) return system_error("sync " + beside);
    if (::rename(beside.c_str(), path.c_str()) != 0) return system_error("replace " + path);
    return ok();
}

} // namespace

result<std::string> read_private_file(const std::string& path, const private_file_rules& rules) {
    fd_guard file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return system_error(path);
    struct stat found {};
    if (::fstat(file.get(), &found) != 0) return system_error(path);
    if (!S_ISREG(found.st_mode)) return error{errc::invalid, path + " is not a file"};
    const std::uint32_t mode = found.st_mode & 07777;
    if ((mode & ~rules.mode_most) != 0) {
        const std::string most = octal(rules.mode_most);
        return error{errc::invalid, path + " has mode " + octal(mode) + ": expected " +
                                        (rules.mode_most == 0600 ? most : "0600 or " + most) +
                                        ", because it " + std::string(rules.because) + " (chmod " +
                                        most + " " + path + ")"};
    }
    return read_all(file.get(), path, rules.bytes_max);
}

status replace_private_file(const std::string& path, std::string_view content, std::uint32_t mode,
                            std::optional<file_owner> owner) {
    const std::string beside = path + ".new";
    ::unlink(beside.c_str()); // of one that was interrupted
    if (auto filled = fill(beside, path, content, mode, owner); !filled.ok()) {
        ::unlink(beside.c_str());
        return filled;
    }
    return sync_folder(folder_above(path));
}

status with_folder_locked(const std::string& path, const std::function<status()>& change) {
    const std::string folder = folder_above(path);
    // The folder is what is locked: the file itself is another one afterwards.
    fd_guard lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (lock.get() < 0) return system_error(folder);
    while (::flock(lock.get(), LOCK_EX) != 0)
        if (errno != EINTR) return system_error("lock " + folder);
    return change();
}

} // namespace wharf
