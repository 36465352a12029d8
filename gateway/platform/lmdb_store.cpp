#include "gateway/platform/lmdb_store.hpp"

#include "gateway/platform/file.hpp"

#include <lmdb.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace wharf {

namespace {

MDB_val to_val(std::string_view bytes) {
    return MDB_val{bytes.size(), const_cast<char*>(bytes.data())};
}
std::string_view to_view(const MDB_val& value) {
    return {static_cast<const char*>(value.mv_data), value.mv_size};
}

error to_error(int code, std::string_view doing) {
    errc kind = errc::io;
    switch (code) {
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
        kind = errc::no_space;
        break;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
        kind = errc::corrupt;
        break;
    case MDB_VERSION_MISMATCH:
        kind = errc::unsupported;
        break;
    case ENOENT:
        kind = errc::not_found;
        break;
    default:
        break;
    }
    return error{kind, std::string(doing) + ": " + mdb_strerror(code)};
}

struct env_closer {
    void operator()(MDB_env* env) const { mdb_env_close(env); }
};
using env_ptr = std::unique_ptr<MDB_env, env_closer>;

// What readers and writers share. Base is store_reader or store_writer.
template <class Base> class txn_base : public Base {
  public:
    txn_base(MDB_txn* txn, MDB_dbi dbi) : txn_(txn), dbi_(dbi) {}
    ~txn_base() override {
        if (txn_ != nullptr) mdb_txn_abort(txn_);
    }
    txn_base(const txn_base&) = delete;
    txn_base& operator=(const txn_base&) = delete;

    result<std::optional<std::string_view>> get(std::string_view key) override {
        MDB_val k = to_val(key);
        MDB_val v;
        int code = mdb_get(txn_, dbi_, &k, &v);
        if (code == MDB_NOTFOUND) return std::optional<std::string_view>{};
        if (code != 0) return to_error(code, "read");
        return std::optional<std::string_view>{to_view(v)};
    }

    status scan(std::string_view from, const store_reader::visitor& visit) override {
        MDB_cursor* cursor = nullptr;
        if (int code = mdb_cursor_open(txn_, dbi_, &cursor); code != 0)
            return to_error(code, "open cursor");
        std::unique_ptr<MDB_cursor, decltype(&mdb_cursor_close)> closer(cursor, mdb_cursor_close);
        MDB_val k = to_val(from);
        MDB_val v;
        int code = mdb_cursor_get(cursor, &k, &v, from.empty() ? MDB_FIRST : MDB_SET_RANGE);
        for (; code == 0; code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT))
            if (!visit(to_view(k), to_view(v))) return ok();
        if (code != MDB_NOTFOUND) return to_error(code, "scan");
        return ok();
    }

    status scan_back(std::string_view before, const store_reader::visitor& visit) override {
        MDB_cursor* cursor = nullptr;
        if (int code = mdb_cursor_open(txn_, dbi_, &cursor); code != 0)
            return to_error(code, "open cursor");
        std::unique_ptr<MDB_cursor, decltype(&mdb_cursor_close)> closer(cursor, mdb_cursor_close);
        MDB_val k = to_val(before);
        MDB_val v;
        int code = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
        if (code != 0 && code != MDB_NOTFOUND) return to_error(code, "scan");
        code = mdb_cursor_get(cursor, &k, &v, code == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
        for (; code == 0; code = mdb_cursor_get(cursor, &k, &v, MDB_PREV))
            if (!visit(to_view(k), to_view(v))) return ok();
        if (code != MDB_NOTFOUND) return to_error(code, "scan");
        return ok();
    }

    // The map is told not to read ahead, because most reads are of one small value: what is read
    // as a whole has to ask.
    void will_read(std::string_view part) override {
        const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
        const auto begin = reinterpret_cast<std::uintptr_t>(part.data());
        const std::uintptr_t first = begin & ~(page - 1);
        // A wish: what was not fetched is read when it is looked at.
        static_cast<void>(
            ::madvise(reinterpret_cast<void*>(first), begin + part.size() - first, MADV_WILLNEED));
    }

  protected:
    MDB_txn* txn_;
    MDB_dbi dbi_;
};

using lmdb_reader = txn_base<store_reader>;

class lmdb_writer : public txn_base<store_writer> {
  public:
    lmdb_writer(MDB_env* env, MDB_txn* txn, MDB_dbi dbi, bool& failed)
        : txn_base(txn, dbi), env_(env), failed_(failed) {}

    status put(std::string_view key, std::string_view value) override {
        MDB_val k = to_val(key);
        MDB_val v = to_val(value);
        if (int code = mdb_put(txn_, dbi_, &k, &v, 0); code != 0) return to_error(code, "write");
        return ok();
    }
    status put_pieces(std::string_view key, std::span<const std::string_view> pieces) override {
        std::size_t bytes = 0;
        for (std::string_view piece : pieces)
            bytes += piece.size();
        MDB_val k = to_val(key);
        MDB_val v{bytes, nullptr};
        if (int code = mdb_put(txn_, dbi_, &k, &v, MDB_RESERVE); code != 0)
            return to_error(code, "write");
        char* to = static_cast<char*>(v.mv_data);
        for (std::string_view piece : pieces)
            to = std::copy(piece.begin(), piece.end(), to);
        return ok();
    }
    status erase(std::string_view key) override {
        MDB_val k = to_val(key);
        int code = mdb_del(txn_, dbi_, &k, nullptr);
        if (code != 0 && code != MDB_NOTFOUND) return to_error(code, "erase");
        return ok();
    }
    commit_result commit() override {
        int code = mdb_txn_commit(std::exchange(txn_, nullptr));
        if (code == 0) return {commit_outcome::durable, {}};
        std::string message = "commit: " + std::string(mdb_strerror(code));
        bool full = code == MDB_MAP_FULL || code == ENOSPC || code == EDQUOT;
        if (full && usable()) return {commit_outcome::no_space, std::move(message)};
        failed_ = true;
        return {commit_outcome::unknown, std::move(message)};
    }

  private:
    // LMDB refuses transactions for good after a failed meta write, and only then.
    bool usable() {
        MDB_txn* probe = nullptr;
        if (mdb_txn_begin(env_, nullptr, 0, &probe) != 0) return false;
        mdb_txn_abort(probe);
        return true;
    }
    MDB_env* env_;
    bool& failed_;
};

class lmdb_store : public store {
  public:
    lmdb_store(env_ptr env, fd_guard lock, MDB_dbi dbi)
        : lock_(std::move(lock)), env_(std::move(env)), dbi_(dbi) {}

    result<std::unique_ptr<store_writer>> begin_write() override {
        if (failed_) return error{errc::io, "an earlier commit failed, its outcome is unknown"};
        MDB_txn* txn = nullptr;
        if (int code = mdb_txn_begin(env_.get(), nullptr, 0, &txn); code != 0)
            return to_error(code, "begin write transaction");
        return std::unique_ptr<store_writer>(new lmdb_writer(env_.get(), txn, dbi_, failed_));
    }
    result<std::unique_ptr<store_reader>> begin_read() override {
        MDB_txn* txn = nullptr;
        int code = mdb_txn_begin(env_.get(), nullptr, MDB_RDONLY, &txn);
        if (code == MDB_READERS_FULL) {
            int dead = 0;
            mdb_reader_check(env_.get(), &dead);
            code = mdb_txn_begin(env_.get(), nullptr, MDB_RDONLY, &txn);
        }
        if (code != 0) return to_error(code, "begin read transaction");
        return std::unique_ptr<store_reader>(new lmdb_reader(txn, dbi_));
    }
    result<store_usage> usage() override;

  private:
    fd_guard lock_;
    env_ptr env_;
    MDB_dbi dbi_;
    bool failed_ = false;
};

// Pages up to the last one in use, less those on the free list (database 0).
result<store_usage> lmdb_store::usage() {
    MDB_envinfo info;
    MDB_stat stat;
    mdb_env_info(env_.get(), &info);
    mdb_env_stat(env_.get(), &stat);
    MDB_txn* txn = nullptr;
    if (int code = mdb_txn_begin(env_.get(), nullptr, MDB_RDONLY, &txn); code != 0)
        return to_error(code, "begin read transaction");
    lmdb_reader free_list(txn, 0);
    std::uint64_t free_pages = 0;
    std::uint64_t locked_pages = 0; // freed by the last transaction: the next one may not take them
    WHARF_TRY(free_list.scan({}, [&](std::string_view key, std::string_view value) {
        std::size_t freed_by = 0;
        std::size_t count = 0;
        std::memcpy(&freed_by, key.data(), sizeof freed_by);
        std::memcpy(&count, value.data(), sizeof count);
        free_pages += count;
        if (freed_by >= info.me_last_txnid) locked_pages += count;
        return true;
    }));
    std::uint64_t pages = info.me_last_pgno + 1;
    store_usage out;
    out.bytes_max = info.me_mapsize;
    out.bytes_used = (pages - std::min<std::uint64_t>(free_pages, pages)) * stat.ms_psize;
    out.bytes_locked = locked_pages * stat.ms_psize;
    out.page_bytes = stat.ms_psize;
    return out;
}

std::string data_file(const std::string& path) {
    return path + "/data.mdb";
}

result<env_ptr> new_env() {
    MDB_env* env = nullptr;
    if (int code = mdb_env_create(&env); code != 0) return to_error(code, "create environment");
    mdb_env_set_assert(env, [](MDB_env*, const char* message) {
        std::fprintf(stderr,
                     "wharf: the journal's file is damaged (%s). Nothing was acknowledged since. "
                     "Keep a copy and run: wharfctl journal verify\n",
                     message);
        std::abort();
    });
    return env_ptr(env);
}

// A file shorter than its header says would end the process with SIGBUS at the first page missing.
status check_length(MDB_env* env, const std::string& path) {
    MDB_envinfo info;
    MDB_stat stat;
    mdb_env_info(env, &info);
    mdb_env_stat(env, &stat);
    WHARF_TRY_ASSIGN(std::uint64_t size, file_size(data_file(path)));
    std::uint64_t needed = (info.me_last_pgno + 1) * stat.ms_psize;
    if (size < needed)
        return error{errc::corrupt, data_file(path) + " is truncated: " + std::to_string(size) +
                                        " bytes, its header says " + std::to_string(needed)};
    return ok();
}

result<MDB_dbi> open_database(MDB_env* env, bool read_only) {
    MDB_txn* txn = nullptr;
    if (int code = mdb_txn_begin(env, nullptr, read_only ? MDB_RDONLY : 0, &txn); code != 0)
        return to_error(code, "begin transaction");
    MDB_dbi dbi = 0;
    if (int code = mdb_dbi_open(txn, nullptr, 0, &dbi); code != 0) {
        mdb_txn_abort(txn);
        return to_error(code, "open database");
    }
    if (int code = mdb_txn_commit(txn); code != 0) return to_error(code, "open database");
    return dbi;
}

// For a file system that cannot allocate (ext3): zeros from the file's end on. What errno says;
// then the file has its length back.
int fill(int fd, std::uint64_t from, std::uint64_t size_bytes) {
    const std::string zeros(256 * 1024, '\0');
    for (std::uint64_t at = from; at < size_bytes;) {
        const auto part =
            static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), size_bytes - at));
        const ssize_t done = ::pwrite(fd, zeros.data(), part, static_cast<off_t>(at));
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) {
            const int why = done < 0 ? errno : ENOSPC;
            return ::ftruncate(fd, static_cast<off_t>(from)) == 0 ? why : errno;
        }
        at += static_cast<std::uint64_t>(done);
    }
    return 0;
}

// So that a full file system shows when the journal is made, not in the middle of a day.
status allocate(MDB_env* env, std::uint64_t size_bytes) {
    int fd = -1;
    mdb_env_get_fd(env, &fd);
    struct stat is;
    if (::fstat(fd, &is) != 0) return system_error("stat");
    if (static_cast<std::uint64_t>(is.st_size) >= size_bytes) return ok();
    int code = ::fallocate(fd, 0, 0, static_cast<off_t>(size_bytes)) == 0 ? 0 : errno;
    if (code == EOPNOTSUPP) code = fill(fd, static_cast<std::uint64_t>(is.st_size), size_bytes);
    if (code != 0)
        return to_error(code,
                        "allocate " + std::to_string(size_bytes >> 20) + " MiB for the journal");
    if (::fsync(fd) != 0) return system_error("sync");
    return ok();
}

// LMDB's table of 126 readers. LMDB writes to it through a memory map and never syncs it: after a
// power cut the file may be there without blocks, and on a full file system the first write to it
// would end the process with SIGBUS.
constexpr std::uint64_t k_lock_file_bytes = 8192;

std::string made_file(const std::string& path) {
    return path + "/made";
}

// LMDB would quietly begin anew where its file is gone or empty. Here that is a loss.
status check_not_lost(const std::string& path) {
    auto made = file_size(made_file(path));
    if (!made) {
        if (made.failure().code == errc::not_found) return ok();
        return std::move(made).failure();
    }
    auto size = file_size(data_file(path));
    if (!size && size.failure().code != errc::not_found) return std::move(size).failure();
    if (!size || *size == 0)
        return error{errc::corrupt,
                     data_file(path) + " is " + (size ? "empty" : "gone") +
                         ", though a journal was made here. Bring it back, or remove " +
                         made_file(path) + " to begin a new one"};
    return ok();
}

status note_made(const std::string& path) {
    fd_guard made(::open(made_file(path).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (made.get() < 0 || ::fsync(made.get()) != 0) return system_error("make " + made_file(path));
    return ok();
}

// LMDB writes words of the machine: where a 32-bit program made the file the same mark of LMDB's
// stands elsewhere in it.
bool is_of_other_word_size(const std::string& file) {
    constexpr std::uint32_t k_mark = 0xBEEFC0DE;
    constexpr off_t k_mark_at = sizeof(void*) == 8 ? 12 : 16;
    fd_guard fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    std::uint32_t found = 0;
    return fd.get() >= 0 && ::pread(fd.get(), &found, sizeof found, k_mark_at) == sizeof found &&
           found == k_mark;
}

error not_opened(int code, const std::string& path) {
    const std::string file = data_file(path);
    if (code == MDB_INVALID && is_of_other_word_size(file))
        return error{errc::unsupported, "open " + file + ": it was made by a program of " +
                                            (sizeof(void*) == 8 ? "32" : "64") +
                                            " bits, and only such a one can read it"};
    return to_error(code, "open " + file);
}

} // namespace

std::string writer_lock_path(const std::string& path) {
    return path + "/writer.lock";
}

// Held for as long as the process has the journal open, so that two writers never meet.
result<fd_guard> lock_for_writing(const std::string& path) {
    std::string name = writer_lock_path(path);
    fd_guard lock(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (lock.get() < 0) return system_error("open " + name);
    // Who looks at the journal may hold it for a moment to ask whether it is held.
    for (int tries = 0; ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0; ++tries) {
        if (tries == 10)
            return error{errc::conflict,
                         "another process has the journal open for writing (" + name + ")"};
        ::usleep(10'000);
    }
    return lock;
}

result<std::unique_ptr<store>> open_lmdb(const lmdb_options& options) {
    WHARF_TRY_ASSIGN(bool made, make_folder(options.path));
    WHARF_TRY_ASSIGN(fd_guard lock, lock_for_writing(options.path));
    WHARF_TRY(check_not_lost(options.path));
    if (options.check != nullptr) WHARF_TRY(options.check(options.path));
    WHARF_TRY_ASSIGN(env_ptr env, new_env());
    // Where pointers have 32 bits so has the map: limits::k_journal_mb_max is far below.
    if (!std::in_range<std::size_t>(options.size_bytes))
        return error{errc::invalid, "the journal's size does not fit into the address space"};
    const auto size_bytes = static_cast<std::size_t>(options.size_bytes);
    if (int code = mdb_env_set_mapsize(env.get(), size_bytes); code != 0)
        return to_error(code, "set the journal's size");
    WHARF_TRY(allocate_file(options.path + "/lock.mdb", k_lock_file_bytes));
    unsigned flags = MDB_NOTLS | MDB_NORDAHEAD;
    if (int code = mdb_env_open(env.get(), options.path.c_str(), flags, 0600); code != 0)
        return not_opened(code, options.path);
    WHARF_TRY(check_length(env.get(), options.path));
    MDB_envinfo info;
    mdb_env_info(env.get(), &info);
    if (info.me_mapsize > options.size_bytes)
        return error{errc::invalid, "the journal already uses " +
                                        std::to_string(info.me_mapsize >> 20) +
                                        " MiB, more than the configured size"};
    WHARF_TRY(allocate(env.get(), options.size_bytes));
    WHARF_TRY(note_made(options.path));
    WHARF_TRY(sync_folder(options.path));
    if (made) WHARF_TRY(sync_folder(folder_above(options.path)));
    int dead_readers = 0;
    mdb_reader_check(env.get(), &dead_readers);
    WHARF_TRY_ASSIGN(MDB_dbi dbi, open_database(env.get(), false));
    return std::unique_ptr<store>(new lmdb_store(std::move(env), std::move(lock), dbi));
}

result<std::unique_ptr<store>> open_lmdb_read_only(const std::string& path) {
    WHARF_TRY_ASSIGN(env_ptr env, new_env());
    unsigned flags = MDB_RDONLY | MDB_NOTLS | MDB_NORDAHEAD;
    int code = mdb_env_open(env.get(), path.c_str(), flags, 0600);
    if (code == EACCES || code == EROFS) {
        // A copy on read-only media has nobody to lock out.
        WHARF_TRY_ASSIGN(env, new_env());
        code = mdb_env_open(env.get(), path.c_str(), flags | MDB_NOLOCK, 0600);
    }
    if (code != 0) return not_opened(code, path);
    WHARF_TRY(check_length(env.get(), path));
    WHARF_TRY_ASSIGN(MDB_dbi dbi, open_database(env.get(), true));
    return std::unique_ptr<store>(new lmdb_store(std::move(env), fd_guard(-1), dbi));
}

} // namespace wharf
