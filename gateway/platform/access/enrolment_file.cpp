#include "gateway/platform/access/enrolment_file.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/config/identities_file.hpp"
#include "gateway/platform/file.hpp"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace wharf::access {

namespace {

constexpr mode_t k_mode_most = 0640;
constexpr mode_t k_mode_new = 0640;

result<struct stat> look_at(int file, const std::string& path) {
    struct stat found {};
    if (::fstat(file, &found) != 0) return system_error(path);
    return found;
}

result<std::string> read_all(int file, const std::string& path) {
    std::string out;
    char piece[16 * 1024];
    while (true) {
        const auto got = ::read(file, piece, sizeof piece);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_error("read " + path);
        if (got == 0) return out;
        out.append(piece, static_cast<std::size_t>(got));
        if (out.size() > limits::k_enrolment_bytes_max)
            return error{errc::too_large, path + ": expected at most " +
                                              std::to_string(limits::k_enrolment_bytes_max) +
                                              " bytes"};
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

std::string octal(mode_t mode) {
    std::string out = "0";
    for (int shift = 6; shift >= 0; shift -= 3)
        out += static_cast<char>('0' + ((mode >> shift) & 7));
    return out;
}

// A link stays one: what it points to is replaced.
std::string resolved(const std::string& path) {
    char found[PATH_MAX];
    return ::realpath(path.c_str(), found) == nullptr ? path : std::string(found);
}

status write_new(const std::string& beside, const std::string& path, std::string_view text,
                 uid_t owner, gid_t group, mode_t mode) {
    ::unlink(beside.c_str()); // of one that was interrupted
    fd_guard file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                         S_IRUSR | S_IWUSR));
    if (file.get() < 0) return system_error("make " + beside);
    auto written = write_all(file.get(), text, beside);
    if (written.ok() && ::fchown(file.get(), owner, group) != 0)
        written = system_error("give " + beside + " the owner of " + path);
    if (written.ok() && ::fchmod(file.get(), mode) != 0)
        written = system_error("give " + beside + " its mode");
    if (written.ok() && ::fsync(file.get()) != 0) written = system_error("sync " + beside);
    if (written.ok() && ::rename(beside.c_str(), path.c_str()) != 0)
        written = system_error("replace " + path);
    if (!written.ok()) ::unlink(beside.c_str());
    return written;
}

} // namespace

result<std::string> read_enrolment(const std::string& path) {
    fd_guard file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return system_error(path);
    WHARF_TRY_ASSIGN(const struct stat found, look_at(file.get(), path));
    if (!S_ISREG(found.st_mode)) return error{errc::invalid, path + " is not a file"};
    const mode_t mode = found.st_mode & 07777;
    if ((mode & ~k_mode_most) != 0)
        return error{errc::invalid, path + " has mode " + octal(mode) +
                                        ": expected 0600 or 0640, because it holds what passwords "
                                        "are checked against (chmod 0640 " +
                                        path + ")"};
    return read_all(file.get(), path);
}

result<std::shared_ptr<const identities>> load_enrolment(const std::string& path) {
    WHARF_TRY_ASSIGN(const auto text, read_enrolment(path));
    WHARF_TRY_ASSIGN(auto all, parse_identities(text, path));
    WHARF_TRY_ASSIGN(auto made, identities::make(std::move(all)));
    return std::shared_ptr<const identities>(std::make_shared<const identities>(std::move(made)));
}

status change_enrolment(const std::string& named,
                        const std::function<result<std::string>(std::string_view text)>& edit) {
    const std::string path = resolved(named);
    const std::string folder = folder_above(path);
    // The folder is what is locked: the file itself is another one afterwards.
    fd_guard lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (lock.get() < 0) return system_error(folder);
    while (::flock(lock.get(), LOCK_EX) != 0)
        if (errno != EINTR) return system_error("lock " + folder);
    uid_t owner = ::geteuid();
    gid_t group = 0;
    mode_t mode = k_mode_new;
    std::string text;
    struct stat found {};
    if (::stat(path.c_str(), &found) == 0) {
        owner = found.st_uid;
        group = found.st_gid;
        mode = found.st_mode & 07777;
        WHARF_TRY_ASSIGN(text, read_enrolment(path));
    } else if (errno != ENOENT) {
        return system_error(path);
    } else {
        WHARF_TRY_ASSIGN(const struct stat above, look_at(lock.get(), folder));
        group = above.st_gid;
    }
    WHARF_TRY_ASSIGN(const auto changed, edit(text));
    WHARF_TRY(write_new(path + ".new", path, changed, owner, group, mode));
    return sync_folder(folder);
}

} // namespace wharf::access
