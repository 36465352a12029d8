#include "tests/chaos/write_layer.hpp"

#include "tests/chaos/real_calls.hpp"

#include <climits>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace chaos {
namespace {

constexpr std::uint64_t k_page_bytes = 4096;

const char* setting(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

} // namespace

write_layer& write_layer::instance() {
    static write_layer* const made = new write_layer;
    return *made;
}

write_layer::write_layer()
    : dir_(setting("WHARF_LOST_WRITES_DIR")),
      sync_off_(std::string_view(setting("WHARF_LOST_WRITES_SYNC")) == "off"),
      control_(setting("WHARF_LOST_WRITES_CONTROL")) {
    while (dir_.ends_with('/'))
        dir_.pop_back();
    read_plan(setting("WHARF_LOST_WRITES_FAIL"));
    const std::string path = setting("WHARF_LOST_WRITES_TRACE");
    if (path.empty()) return;
    trace_fd_ = REAL(open)(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (trace_fd_ < 0) give_up("cannot open " + path);
}

tracked_file* write_layer::file_of(int fd) {
    if (fd < 0 || static_cast<std::size_t>(fd) >= k_descriptors_max) return nullptr;
    return descriptors_[fd].file.load(std::memory_order_acquire);
}

void write_layer::forget(int fd) {
    if (file_of(fd) != nullptr) descriptors_[fd].file = nullptr;
}

void write_layer::copy(int from, int to) {
    if (file_of(from) == nullptr) return forget(to);
    bind(to, file_of(from), durable(from));
}

void write_layer::bind(int fd, tracked_file* file, bool is_durable) {
    if (static_cast<std::size_t>(fd) >= k_descriptors_max) give_up("descriptor out of range");
    descriptors_[fd].durable = is_durable;
    descriptors_[fd].file.store(file, std::memory_order_release);
}

bool write_layer::is_below(int fd) {
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

tracked_file* write_layer::attach(int fd, int flags, bool created) {
    if (!is_below(fd)) return nullptr;
    struct stat info {};
    if (fstat(fd, &info) != 0) give_up("cannot stat a file of the directory");
    if (!S_ISREG(info.st_mode)) return nullptr;
    auto& entry = files_[{info.st_dev, info.st_ino}];
    if (!entry) entry = open_log(fd, info.st_ino, created);
    bind(fd, entry.get(), (flags & O_DSYNC) != 0);
    return entry.get();
}

std::unique_ptr<tracked_file> write_layer::open_log(int fd, ino_t inode, bool created) {
    auto file = std::make_unique<tracked_file>();
    const std::string self = "/proc/self/fd/" + std::to_string(fd);
    // Held open for good: as long as it is, no other file gets this inode.
    file->read_fd = REAL(open)(self.c_str(), O_RDONLY | O_CLOEXEC);
    const std::string undo_dir = dir_ + ".undo";
    if (mkdir(undo_dir.c_str(), 0700) != 0 && errno != EEXIST) give_up("no " + undo_dir);
    const std::string path = undo_dir + "/" + std::to_string(inode);
    file->undo_fd = REAL(open)(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file->read_fd < 0 || file->undo_fd < 0) give_up("cannot open the log " + path);
    if (created) {
        drop(*file);
    } else {
        take_up_log(*file, path);
    }
    return file;
}

// A process before this one died without a power cut: its writes still wait for a sync.
void write_layer::take_up_log(tracked_file& file, const std::string& path) {
    struct stat info {};
    if (fstat(file.undo_fd, &info) != 0) give_up("cannot stat " + path);
    std::string data(static_cast<std::size_t>(info.st_size), '\0');
    if (pread(file.undo_fd, data.data(), data.size(), 0) != static_cast<ssize_t>(data.size())) {
        give_up("cannot read " + path);
    }
    std::string why;
    const auto log = decode(data, why);
    if (!log) give_up(path + " is broken: " + why);
    if (REAL(ftruncate)(file.undo_fd, static_cast<off_t>(log->end)) != 0) {
        give_up("cannot cut " + path);
    }
    if (!log->records.empty()) file.next_number = log->records.back().number + 1;
    file.uncovered = log->records.size();
}

verdict write_layer::begin(call which, int fd, std::uint64_t offset, std::uint64_t length) {
    reread_control();
    trace(which, fd, offset, length);
    const verdict found = plan_.next(which);
    if (found.what == effect::kill_before) die();
    return found;
}

void write_layer::end(const verdict& found) {
    if (found.what == effect::kill_after) die();
}

void write_layer::die() {
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

void write_layer::before_write(tracked_file& file, std::uint64_t offset, std::uint64_t length) {
    undo_record record{undo_kind::write, 0, offset, length, size_of(file), {}};
    record.bytes = read_old(file, offset, length);
    append(file, std::move(record));
    ++file.uncovered;
    file.since_sync.push_back({offset, length});
}

void write_layer::before_resize(tracked_file& file, std::uint64_t new_size) {
    const std::uint64_t old_size = size_of(file);
    const std::uint64_t cut = old_size > new_size ? old_size - new_size : 0;
    undo_record record{undo_kind::resize, 0, new_size, cut, old_size, {}};
    record.bytes = read_old(file, new_size, cut);
    append(file, std::move(record));
    ++file.uncovered;
}

void write_layer::durable_by_itself(tracked_file& file, std::uint64_t offset,
                                    std::uint64_t length) {
    if (sync_off_ || length == 0) return;
    // The newest record is of this write. A file that is only ever written so, as the journal's
    // ring, never sees a sync: its log must not grow for ever.
    const written_range last = file.since_sync.back();
    if (file.uncovered == 1 && last.offset == offset && last.length == length) {
        file.since_sync.clear();
        return drop(file);
    }
    if (last.offset == offset && last.length == length) --file.uncovered;
    append(file, {undo_kind::durable, 0, offset, length, 0, {}});
}

void write_layer::synced(tracked_file& file) {
    if (sync_off_) return;
    if (!file.sync_failed) {
        drop(file);
    } else {
        for (const written_range& r : file.since_sync) {
            const std::uint64_t first = r.offset / k_page_bytes * k_page_bytes;
            const std::uint64_t end =
                (r.offset + r.length + k_page_bytes - 1) / k_page_bytes * k_page_bytes;
            append(file, {undo_kind::durable, 0, first, end - first, 0, {}});
        }
    }
    file.since_sync.clear();
}

void write_layer::sync_failed(tracked_file& file) {
    file.sync_failed = true;
    file.since_sync.clear();
}

std::uint64_t write_layer::size_of(const tracked_file& file) {
    struct stat info {};
    if (fstat(file.read_fd, &info) != 0) give_up("cannot stat a tracked file");
    return static_cast<std::uint64_t>(info.st_size);
}

std::string write_layer::read_old(const tracked_file& file, std::uint64_t offset,
                                  std::uint64_t length) {
    std::string bytes(static_cast<std::size_t>(length), '\0');
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

void write_layer::append(tracked_file& file, undo_record record) {
    record.number = file.next_number++;
    const std::string data = encode(record);
    if (REAL(write)(file.undo_fd, data.data(), data.size()) != static_cast<ssize_t>(data.size())) {
        give_up("cannot write an undo record");
    }
}

void write_layer::drop(tracked_file& file) {
    if (REAL(ftruncate)(file.undo_fd, 0) != 0) give_up("cannot drop undo records");
    file.uncovered = 0;
}

void write_layer::read_plan(std::string_view text) {
    std::string why;
    const auto plan = fault_plan::parse(text, why);
    if (!plan) give_up(why);
    plan_ = *plan;
}

void write_layer::reread_control() {
    if (control_.empty()) return;
    struct stat info {};
    if (stat(control_.c_str(), &info) != 0) info = {};
    const std::array<std::int64_t, 4> now = {static_cast<std::int64_t>(info.st_ino), info.st_size,
                                             info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
    if (now == control_seen_) return;
    control_seen_ = now;
    std::string text(static_cast<std::size_t>(info.st_size), '\0');
    const int fd = REAL(open)(control_.c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd < 0 ? 0 : read(fd, text.data(), text.size());
    if (fd >= 0) REAL(close)(fd);
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    read_plan(text);
}

void write_layer::trace(call which, int fd, std::uint64_t offset, std::uint64_t length) {
    if (trace_fd_ < 0) return;
    const std::string line = std::string(k_call_names[static_cast<std::size_t>(which)]) + " " +
                             std::to_string(fd) + " " + std::to_string(offset) + " " +
                             std::to_string(length) + "\n";
    if (REAL(write)(trace_fd_, line.data(), line.size()) < 0) give_up("cannot write the trace");
}

} // namespace chaos
