// What the lost-writes layer knows: which descriptors belong to files of the watched folder, what
// of each file no sync has covered, and which faults are planned. lost_writes.cpp asks it at every
// call of the program under test.
//
// file_of, durable, forget and copy from any thread; the rest with lock() held, from before a call
// until its outcome is known. It cannot fail: where it cannot work it aborts the program.
#pragma once

#include "tests/chaos/fault_plan.hpp"
#include "tests/chaos/undo_log.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <sys/types.h>
#include <vector>

namespace chaos {

struct written_range {
    std::uint64_t offset;
    std::uint64_t length;
};

struct tracked_file {
    int read_fd = -1;
    int undo_fd = -1;
    std::uint64_t next_number = 1;
    // A sync failed: the kernel has dropped what was dirty and calls it clean, so that a later sync
    // makes durable only what was written after it.
    bool sync_failed = false;
    // Records in the log that neither a sync nor a durable write of their own has covered.
    std::uint64_t uncovered = 0;
    std::vector<written_range> since_sync;
};

class write_layer {
  public:
    // Made at the first call, never destroyed: threads may still write while the process ends.
    static write_layer& instance();

    [[nodiscard]] std::mutex& lock() { return lock_; }
    [[nodiscard]] bool on() const { return !dir_.empty(); }
    [[nodiscard]] bool sync_off() const { return sync_off_; }

    // Null where the descriptor is none of a watched file.
    [[nodiscard]] tracked_file* file_of(int fd);
    // Opened with O_DSYNC or O_SYNC. REQUIRES: file_of(fd).
    [[nodiscard]] bool durable(int fd) { return descriptors_[fd].durable; }
    void forget(int fd);
    void copy(int from, int to);

    // `created`: the file did not exist before, so a log under its inode is a dead file's.
    tracked_file* attach(int fd, int flags, bool created);

    // Takes the fault planned for this call; does not return where the plan ends the process here.
    verdict begin(call which, int fd, std::uint64_t offset, std::uint64_t length);
    void end(const verdict& found);

    void before_write(tracked_file& file, std::uint64_t offset, std::uint64_t length);
    void before_resize(tracked_file& file, std::uint64_t new_size);
    void durable_by_itself(tracked_file& file, std::uint64_t offset, std::uint64_t length);
    void synced(tracked_file& file);
    void sync_failed(tracked_file& file);
    [[nodiscard]] std::uint64_t size_of(const tracked_file& file);

  private:
    static constexpr std::size_t k_descriptors_max = 65536;
    struct descriptor {
        std::atomic<tracked_file*> file{nullptr};
        std::atomic<bool> durable{false};
    };

    write_layer();
    [[noreturn]] void die();
    bool is_below(int fd);
    std::unique_ptr<tracked_file> open_log(int fd, ino_t inode, bool created);
    void take_up_log(tracked_file& file, const std::string& path);
    void bind(int fd, tracked_file* file, bool is_durable);
    std::string read_old(const tracked_file& file, std::uint64_t offset, std::uint64_t length);
    void append(tracked_file& file, undo_record record);
    void drop(tracked_file& file);
    void read_plan(std::string_view text);
    void reread_control();
    void trace(call which, int fd, std::uint64_t offset, std::uint64_t length);

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

} // namespace chaos
