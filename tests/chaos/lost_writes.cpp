// The lost-writes layer: LD_PRELOAD into a program, it stands between that program and the files of
// one directory (WHARF_LOST_WRITES_DIR). Writes go through at once, because LMDB reads its file by
// mmap, but before each one an undo record goes to <dir>.undo/<inode>; a sync that has returned
// drops the file's records. lost-writes-cut then plays the power cut on the dead program's files.
// It also makes calls fail or kills the process in the middle of one (fault_plan.hpp).
//
// Called from any thread; one lock covers a call from its undo record to its outcome. When the
// layer itself cannot work it aborts the program: a rig that fails quietly would prove nothing.
// README.md states the model and its limits.
#include "tests/chaos/fault_plan.hpp"
#include "tests/chaos/undo_log.hpp"

#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <fcntl.h>
#include <map>
#include <memory>
#include <mutex>
#include <signal.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

using namespace chaos;

constexpr std::size_t k_descriptors_max = 65536;
constexpr std::uint64_t k_page_bytes = 4096;

[[noreturn]] void give_up(const std::string& what) {
    std::fprintf(stderr, "lost_writes: %s (errno %d)\n", what.c_str(), errno);
    std::abort();
}

// The C library's own function behind the one this file replaces.
template <typename Function> Function* real(Function*, const char* name) {
    void* found = dlsym(RTLD_NEXT, name);
    if (found == nullptr) give_up(std::string("no ") + name);
    return reinterpret_cast<Function*>(found);
}
#define REAL(name)                                                                                 \
    ([] {                                                                                          \
        static auto* const the_real = real(static_cast<decltype(::name)*>(nullptr), #name);        \
        return the_real;                                                                           \
    }())

struct range {
    std::uint64_t offset;
    std::uint64_t length;
};

struct tracked_file {
    int read_fd = -1;
    int undo_fd = -1;
    bool undo_empty = true;
    std::uint64_t next_number = 1;
    // A sync failed: the kernel has dropped what was dirty and calls it clean, so that a later sync
    // makes durable only what was written after it.
    bool sync_failed = false;
    std::vector<range> since_sync;
};

struct descriptor {
    std::atomic<tracked_file*> file{nullptr};
    std::atomic<bool> durable{false};
};

const char* setting(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

class layer {
  public:
    layer()
        : dir_(setting("WHARF_LOST_WRITES_DIR")),
          sync_off_(std::string_view(setting("WHARF_LOST_WRITES_SYNC")) == "off"),
          control_(setting("WHARF_LOST_WRITES_CONTROL")) {
        while (dir_.ends_with('/'))
            dir_.pop_back();
        read_plan(setting("WHARF_LOST_WRITES_FAIL"));
        const std::string trace = setting("WHARF_LOST_WRITES_TRACE");
        if (trace.empty()) return;
        trace_fd_ = REAL(open)(trace.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (trace_fd_ < 0) give_up("cannot open " + trace);
    }

    std::mutex& lock() { return lock_; }
    bool sync_off() const { return sync_off_; }
    bool on() const { return !dir_.empty(); }

    tracked_file* file_of(int fd) {
        if (fd < 0 || static_cast<std::size_t>(fd) >= k_descriptors_max) return nullptr;
        return descriptors_[fd].file.load(std::memory_order_acquire);
    }
    bool durable(int fd) { return descriptors_[fd].durable; }

    void forget(int fd) {
        if (file_of(fd) != nullptr) descriptors_[fd].file = nullptr;
    }

    void copy(int from, int to) {
        if (file_of(from) == nullptr) return forget(to);
        bind(to, file_of(from), durable(from));
    }

    // REQUIRES: lock() is held for all of the following.

    // `created`: the file did not exist before, so a log under its inode is a dead file's.
    tracked_file* attach(int fd, int flags, bool created) {
        if (!is_below(fd)) return nullptr;
        struct stat info {};
        if (fstat(fd, &info) != 0) give_up("cannot stat a file of the directory");
        if (!S_ISREG(info.st_mode)) return nullptr;
        auto& entry = files_[{info.st_dev, info.st_ino}];
        if (!entry) entry = open_log(fd, info.st_ino, created);
        bind(fd, entry.get(), (flags & O_DSYNC) != 0);
        return entry.get();
    }

    // Takes the fault planned for this call; does not return where the plan ends the process here.
    verdict begin(call which, int fd, std::uint64_t offset, std::uint64_t length) {
        reread_control();
        trace(which, fd, offset, length);
        const verdict found = plan_.next(which);
        if (found.what == effect::kill_before) die();
        return found;
    }

    void end(const verdict& found) {
        if (found.what == effect::kill_after) die();
    }

    void before_write(tracked_file& file, std::uint64_t offset, std::uint64_t length) {
        undo_record record{undo_kind::write, 0, offset, length, size_of(file), {}};
        record.bytes = read_old(file, offset, length);
        append(file, std::move(record));
        file.since_sync.push_back({offset, length});
    }

    void before_resize(tracked_file& file, std::uint64_t new_size) {
        const std::uint64_t old_size = size_of(file);
        const std::uint64_t cut = old_size > new_size ? old_size - new_size : 0;
        undo_record record{undo_kind::resize, 0, new_size, cut, old_size, {}};
        record.bytes = read_old(file, new_size, cut);
        append(file, std::move(record));
    }

    void durable_by_itself(tracked_file& file, std::uint64_t offset, std::uint64_t length) {
        if (sync_off_ || length == 0) return;
        append(file, {undo_kind::durable, 0, offset, length, 0, {}});
    }

    void synced(tracked_file& file) {
        if (sync_off_) return;
        if (!file.sync_failed) {
            drop(file);
        } else {
            for (const range& r : file.since_sync) {
                const std::uint64_t first = r.offset / k_page_bytes * k_page_bytes;
                const std::uint64_t end =
                    (r.offset + r.length + k_page_bytes - 1) / k_page_bytes * k_page_bytes;
                append(file, {undo_kind::durable, 0, first, end - first, 0, {}});
            }
        }
        file.since_sync.clear();
    }

    void sync_failed(tracked_file& file) {
        file.sync_failed = true;
        file.since_sync.clear();
    }

    std::uint64_t size_of(const tracked_file& file) {
        struct stat info {};
        if (fstat(file.read_fd, &info) != 0) give_up("cannot stat a tracked file");
        return static_cast<std::uint64_t>(info.st_size);
    }

  private:
    [[noreturn]] void die() {
        kill(getpid(), SIGKILL);
        for (;;)
            pause();
    }

    bool is_below(int fd) {
        if (!dir_resolved_) {
            char resolved[PATH_MAX];
            if (realpath(dir_.c_str(), resolved) == nullptr) return false;
            dir_ = resolved;
            dir_resolved_ = true;
        }
        char path[PATH_MAX];
        const std::string link = "/proc/self/fd/" + std::to_string(fd);
        const ssize_t size = readlink(link.c_str(), path, sizeof path);
        if (size <= 0) return false;
        return std::string_view(path, static_cast<std::size_t>(size)).starts_with(dir_ + "/");
    }

    std::unique_ptr<tracked_file> open_log(int fd, ino_t inode, bool created) {
        auto file = std::make_unique<tracked_file>();
        const std::string self = "/proc/self/fd/" + std::to_string(fd);
        file->read_fd = REAL(open)(self.c_str(), O_RDONLY | O_CLOEXEC);
        const std::string undo_dir = dir_ + ".undo";
        if (mkdir(undo_dir.c_str(), 0700) != 0 && errno != EEXIST) give_up("no " + undo_dir);
        const std::string path = undo_dir + "/" + std::to_string(inode);
        file->undo_fd = REAL(open)(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (file->read_fd < 0 || file->undo_fd < 0) give_up("cannot open the log " + path);
        if (created) {
            drop(*file);
            return file;
        }
        // A process before this one died without a power cut: its writes still wait for a sync.
        struct stat info {};
        if (fstat(file->undo_fd, &info) != 0) give_up("cannot stat " + path);
        std::string data(static_cast<std::size_t>(info.st_size), '\0');
        if (pread(file->undo_fd, data.data(), data.size(), 0) !=
            static_cast<ssize_t>(data.size())) {
            give_up("cannot read " + path);
        }
        std::string why;
        const auto log = decode(data, why);
        if (!log) give_up(path + " is broken: " + why);
        if (REAL(ftruncate)(file->undo_fd, static_cast<off_t>(log->end)) != 0) {
            give_up("cannot cut " + path);
        }
        file->undo_empty = log->records.empty();
        if (!file->undo_empty) file->next_number = log->records.back().number + 1;
        return file;
    }

    void bind(int fd, tracked_file* file, bool is_durable) {
        if (static_cast<std::size_t>(fd) >= k_descriptors_max) give_up("descriptor out of range");
        descriptors_[fd].durable = is_durable;
        descriptors_[fd].file.store(file, std::memory_order_release);
    }

    std::string read_old(const tracked_file& file, std::uint64_t offset, std::uint64_t length) {
        std::string bytes(length, '\0');
        std::size_t have = 0;
        while (have < length) {
            const ssize_t got = pread(file.read_fd, bytes.data() + have, length - have,
                                      static_cast<off_t>(offset + have));
            if (got < 0) give_up("cannot read what is about to be overwritten");
            if (got == 0) break;
            have += static_cast<std::size_t>(got);
        }
        bytes.resize(have);
        return bytes;
    }

    void append(tracked_file& file, undo_record record) {
        record.number = file.next_number++;
        const std::string data = encode(record);
        if (REAL(write)(file.undo_fd, data.data(), data.size()) !=
            static_cast<ssize_t>(data.size())) {
            give_up("cannot write an undo record");
        }
        file.undo_empty = false;
    }

    void drop(tracked_file& file) {
        if (REAL(ftruncate)(file.undo_fd, 0) != 0) give_up("cannot drop undo records");
        file.undo_empty = true;
    }

    void read_plan(std::string_view text) {
        std::string why;
        const auto plan = fault_plan::parse(text, why);
        if (!plan) give_up(why);
        plan_ = *plan;
    }

    void reread_control() {
        if (control_.empty()) return;
        struct stat info {};
        if (stat(control_.c_str(), &info) != 0) info = {};
        const std::array<std::int64_t, 4> now = {static_cast<std::int64_t>(info.st_ino),
                                                 info.st_size, info.st_mtim.tv_sec,
                                                 info.st_mtim.tv_nsec};
        if (now == control_seen_) return;
        control_seen_ = now;
        std::string text(static_cast<std::size_t>(info.st_size), '\0');
        const int fd = REAL(open)(control_.c_str(), O_RDONLY | O_CLOEXEC);
        const ssize_t got = fd < 0 ? 0 : read(fd, text.data(), text.size());
        if (fd >= 0) REAL(close)(fd);
        text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
        read_plan(text);
    }

    void trace(call which, int fd, std::uint64_t offset, std::uint64_t length) {
        if (trace_fd_ < 0) return;
        const std::string line = std::string(k_call_names[static_cast<std::size_t>(which)]) + " " +
                                 std::to_string(fd) + " " + std::to_string(offset) + " " +
                                 std::to_string(length) + "\n";
        if (REAL(write)(trace_fd_, line.data(), line.size()) < 0) give_up("cannot write the trace");
    }

    std::mutex lock_;
    std::string dir_;
    bool dir_resolved_ = false;
    bool sync_off_;
    std::string control_;
    std::array<std::int64_t, 4> control_seen_{};
    int trace_fd_ = -1;
    fault_plan plan_;
    std::map<std::pair<dev_t, ino_t>, std::unique_ptr<tracked_file>> files_;
    std::array<descriptor, k_descriptors_max> descriptors_{};
};

// Never destroyed: threads may still write while the process ends.
layer& the_layer() {
    static layer* const made = new layer;
    return *made;
}

tracked_file* tracked(int fd) {
    return the_layer().on() ? the_layer().file_of(fd) : nullptr;
}

int open_at(int dir_fd, const char* path, int flags, mode_t mode) {
    layer& l = the_layer();
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
    layer& l = the_layer();
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
        short_part = {half.data(), length};
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
    layer& l = the_layer();
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
    layer& l = the_layer();
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
    layer& l = the_layer();
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
