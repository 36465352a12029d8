// The lost-writes layer: LD_PRELOAD into a program, it stands between that program and the files of
// one directory (WHARF_LOST_WRITES_DIR). Writes go through at once, because LMDB reads its file by
// mmap, but before each one an undo record goes to <dir>.undo/<inode>; a sync that has returned
// drops the file's records. lost-writes-cut then plays the power cut on the dead program's files.
// It also makes calls fail or kills the process in the middle of one (fault_plan.hpp).
//
// Called from any thread; one lock covers a call from its undo record to its outcome. When the
// layer itself cannot work it aborts the program: a rig that fails quietly would prove nothing.
// README.md states the model and its limits.
#include "tests/chaos/real_calls.hpp"
#include "tests/chaos/write_layer.hpp"

#include <cstdarg>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

using namespace chaos;

write_layer& the_layer() {
    return write_layer::instance();
}

tracked_file* tracked(int fd) {
    return the_layer().on() ? the_layer().file_of(fd) : nullptr;
}

int open_at(int dir_fd, const char* path, int flags, mode_t mode) {
    write_layer& l = the_layer();
    if (!l.on()) return REAL(openat)(dir_fd, path, flags, mode);
    const std::lock_guard hold(l.lock());
    struct stat before {};
    const bool created = (flags & O_CREAT) != 0 && fstatat(dir_fd, path, &before, 0) != 0;
    if ((flags & O_TRUNC) != 0 && !created) {
        const int old = REAL(openat)(dir_fd, path, O_RDWR | O_CLOEXEC);
        if (old >= 0) {
            if (tracked_file* file = l.attach(old, O_RDWR, false)) l.before_resize(*file, 0);
            l.forget(old);
            REAL(close)(old);
        }
    }
    const int fd = REAL(openat)(dir_fd, path, flags, mode);
    // A directory or a path that names nothing on disk is not tracked: attach looks.
    if (fd >= 0) {
        l.forget(fd);
        if ((flags & O_PATH) == 0) l.attach(fd, flags, created);
    }
    return fd;
}

std::size_t total(const iovec* parts, int count) {
    std::size_t sum = 0;
    for (int i = 0; i < count; ++i)
        sum += parts[i].iov_len;
    return sum;
}

// `offset` empty: at the descriptor's own position, as write(2).
ssize_t write_tracked(int fd, tracked_file& file, const iovec* parts, int count,
                      std::optional<std::uint64_t> offset) {
    write_layer& l = the_layer();
    const std::lock_guard hold(l.lock());
    std::uint64_t length = total(parts, count);
    const bool durable = l.durable(fd);
    std::uint64_t at = offset.value_or(0);
    if ((fcntl(fd, F_GETFL) & O_APPEND) != 0) {
        at = l.size_of(file);
    } else if (!offset) {
        at = static_cast<std::uint64_t>(lseek(fd, 0, SEEK_CUR));
    }
    const verdict found = l.begin(durable ? call::meta : call::pwrite, fd, at, length);
    if (found.what == effect::fail) {
        errno = found.error;
        return -1;
    }
    std::string half;
    iovec short_part{};
    if (found.what == effect::half && length > 1) {
        for (int i = 0; i < count; ++i) {
            half.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
        }
        length /= 2;
        short_part = {half.data(), static_cast<std::size_t>(length)};
        parts = &short_part;
        count = 1;
    }
    l.before_write(file, at, length);
    const ssize_t written = offset ? REAL(pwritev)(fd, parts, count, static_cast<off_t>(*offset))
                                   : REAL(writev)(fd, parts, count);
    if (written > 0 && durable) {
        l.durable_by_itself(file, at, static_cast<std::uint64_t>(written));
    }
    l.end(found);
    return written;
}

int sync_tracked(int fd, tracked_file& file, bool data_only) {
    write_layer& l = the_layer();
    const std::lock_guard hold(l.lock());
    const verdict found = l.begin(call::fdatasync, fd, 0, 0);
    if (found.what == effect::fail) {
        l.sync_failed(file);
        errno = found.error;
        return -1;
    }
    int done = 0;
    if (!l.sync_off()) done = data_only ? REAL(fdatasync)(fd) : REAL(fsync)(fd);
    if (done == 0) l.synced(file);
    l.end(found);
    return done;
}

// Returns an errno, 0 when it went well.
int allocate_tracked(int fd, tracked_file& file, int mode, off_t offset, off_t length) {
    write_layer& l = the_layer();
    const std::lock_guard hold(l.lock());
    const auto from = static_cast<std::uint64_t>(offset);
    const auto size = static_cast<std::uint64_t>(length);
    const verdict found = l.begin(call::truncate, fd, from, size);
    if (found.what == effect::fail) return found.error;
    if (mode == 0) {
        if (from + size > l.size_of(file)) l.before_resize(file, from + size);
    } else if (mode != FALLOC_FL_KEEP_SIZE) {
        l.before_write(file, from, size);
    }
    const int done = REAL(fallocate)(fd, mode, offset, length) == 0 ? 0 : errno;
    l.end(found);
    return done;
}

int duplicated(int from, int to) {
    if (to >= 0 && the_layer().on()) the_layer().copy(from, to);
    return to;
}

mode_t mode_of(int flags, va_list rest) {
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
}

} // namespace

#define OPEN_WITH_MODE(dir_fd)                                                                     \
    va_list rest;                                                                                  \
    va_start(rest, flags);                                                                         \
    const mode_t mode = mode_of(flags, rest);                                                      \
    va_end(rest);                                                                                  \
    return open_at(dir_fd, path, flags, mode)

// The C library's names for them, as programs were linked against it.
extern "C" {

int open(const char* path, int flags, ...) {
    OPEN_WITH_MODE(AT_FDCWD);
}
int open64(const char* path, int flags, ...) {
    OPEN_WITH_MODE(AT_FDCWD);
}
int openat(int dir_fd, const char* path, int flags, ...) {
    OPEN_WITH_MODE(dir_fd);
}
int openat64(int dir_fd, const char* path, int flags, ...) {
    OPEN_WITH_MODE(dir_fd);
}
int __open_2(const char* path, int flags) {
    return open_at(AT_FDCWD, path, flags, 0);
}
int __open64_2(const char* path, int flags) {
    return open_at(AT_FDCWD, path, flags, 0);
}
int __openat_2(int dir_fd, const char* path, int flags) {
    return open_at(dir_fd, path, flags, 0);
}
int __openat64_2(int dir_fd, const char* path, int flags) {
    return open_at(dir_fd, path, flags, 0);
}
int creat(const char* path, mode_t mode) {
    return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int creat64(const char* path, mode_t mode) {
    return creat(path, mode);
}

int close(int fd) {
    if (the_layer().on()) the_layer().forget(fd);
    return REAL(close)(fd);
}

int dup(int fd) noexcept {
    return duplicated(fd, REAL(dup)(fd));
}
int dup2(int fd, int to) noexcept {
    return duplicated(fd, REAL(dup2)(fd, to));
}
int dup3(int fd, int to, int flags) noexcept {
    return duplicated(fd, REAL(dup3)(fd, to, flags));
}

static int fcntl_of(int fd, int command, void* argument) {
    const int done = REAL(fcntl)(fd, command, argument);
    const bool copies = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
    return copies ? duplicated(fd, done) : done;
}
int fcntl(int fd, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void* argument = va_arg(rest, void*);
    va_end(rest);
    return fcntl_of(fd, command, argument);
}
int fcntl64(int fd, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void* argument = va_arg(rest, void*);
    va_end(rest);
    return fcntl_of(fd, command, argument);
}

// What a program with a 64-bit time_t calls where the C library's own has 32 bits.
int __fcntl_time64(int fd, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void* argument = va_arg(rest, void*);
    va_end(rest);
    return fcntl_of(fd, command, argument);
}

ssize_t write(int fd, const void* data, size_t size) {
    tracked_file* file = tracked(fd);
    if (file == nullptr) return REAL(write)(fd, data, size);
    const iovec part{const_cast<void*>(data), size};
    return write_tracked(fd, *file, &part, 1, std::nullopt);
}
ssize_t writev(int fd, const iovec* parts, int count) {
    tracked_file* file = tracked(fd);
    if (file == nullptr) return REAL(writev)(fd, parts, count);
    return write_tracked(fd, *file, parts, count, std::nullopt);
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
    tracked_file* file = tracked(fd);
    if (file == nullptr) return REAL(pwrite)(fd, data, size, offset);
    const iovec part{const_cast<void*>(data), size};
    return write_tracked(fd, *file, &part, 1, static_cast<std::uint64_t>(offset));
}
ssize_t pwrite64(int fd, const void* data, size_t size, off64_t offset) {
    return pwrite(fd, data, size, offset);
}
ssize_t pwritev(int fd, const iovec* parts, int count, off_t offset) {
    tracked_file* file = tracked(fd);
    if (file == nullptr) return REAL(pwritev)(fd, parts, count, offset);
    return write_tracked(fd, *file, parts, count, static_cast<std::uint64_t>(offset));
}
ssize_t pwritev64(int fd, const iovec* parts, int count, off64_t offset) {
    return pwritev(fd, parts, count, offset);
}

int fsync(int fd) {
    tracked_file* file = tracked(fd);
    return file == nullptr ? REAL(fsync)(fd) : sync_tracked(fd, *file, false);
}
int fdatasync(int fd) {
    tracked_file* file = tracked(fd);
    return file == nullptr ? REAL(fdatasync)(fd) : sync_tracked(fd, *file, true);
}

int ftruncate(int fd, off_t size) noexcept {
    tracked_file* file = tracked(fd);
    if (file == nullptr) return REAL(ftruncate)(fd, size);
    write_layer& l = the_layer();
    const std::lock_guard hold(l.lock());
    const verdict found = l.begin(call::truncate, fd, 0, static_cast<std::uint64_t>(size));
    if (found.what == effect::fail) {
        errno = found.error;
        return -1;
    }
    l.before_resize(*file, static_cast<std::uint64_t>(size));
    const int done = REAL(ftruncate)(fd, size);
    l.end(found);
    return done;
}
int ftruncate64(int fd, off64_t size) noexcept {
    return ftruncate(fd, size);
}

int posix_fallocate(int fd, off_t offset, off_t length) {
    tracked_file* file = tracked(fd);
    if (file == nullptr) return REAL(posix_fallocate)(fd, offset, length);
    return allocate_tracked(fd, *file, 0, offset, length);
}
int posix_fallocate64(int fd, off64_t offset, off64_t length) {
    return posix_fallocate(fd, offset, length);
}
int fallocate(int fd, int mode, off_t offset, off_t length) {
    tracked_file* file = tracked(fd);
    if (file == nullptr) return REAL(fallocate)(fd, mode, offset, length);
    const int error = allocate_tracked(fd, *file, mode, offset, length);
    if (error == 0) return 0;
    errno = error;
    return -1;
}
int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
    return fallocate(fd, mode, offset, length);
}

} // extern "C"
