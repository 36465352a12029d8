#include "gateway/platform/journal_store.hpp"

#include "gateway/journal/inspect.hpp"
#include "gateway/platform/ring_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>

namespace wharf {

namespace {

// Owns the layers; the ring_store speaks for them.
class layered_store final : public store {
  public:
    layered_store(std::unique_ptr<store> below, std::unique_ptr<ring_file> file)
        : below_(std::move(below)), file_(std::move(file)) {}

    status open(random_port& random, const ring_options& options) {
        WHARF_TRY_ASSIGN(over_, ring_store::open(*below_, *file_, random, options));
        return ok();
    }
    status open_read_only(bool with_ring) {
        WHARF_TRY_ASSIGN(over_,
                         ring_store::open_read_only(*below_, with_ring ? file_.get() : nullptr));
        return ok();
    }
    [[nodiscard]] bool is_direct() const { return file_->size_bytes() == 0 || file_->is_direct(); }

    result<std::unique_ptr<store_writer>> begin_write() override { return over_->begin_write(); }
    result<std::unique_ptr<store_reader>> begin_read() override { return over_->begin_read(); }
    result<store_usage> usage() override { return over_->usage(); }
    status tick(std::int64_t monotonic_us) override { return over_->tick(monotonic_us); }
    status checkpoint() override { return over_->checkpoint(); }
    status close() override { return over_->close(); }
    [[nodiscard]] store_traffic traffic() const override { return over_->traffic(); }

  private:
    std::unique_ptr<store> below_;
    std::unique_ptr<ring_file> file_;
    std::unique_ptr<ring_store> over_;
};

std::string ring_path(const std::string& folder) {
    return folder + "/ring";
}

// Whether a process has the journal open for writing. A lock that cannot be asked for is nobody's:
// there is none beside a copy.
bool is_live(const std::string& folder) {
    fd_guard lock(::open(writer_lock_path(folder).c_str(), O_RDONLY | O_CLOEXEC));
    if (lock.get() < 0) return false;
    return ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

status check_no_import(const std::string& folder) {
    for (const char* begun : {"/data.mdb", "/made"})
        if (file_mode(folder + begun).ok()) return ok();
    if (!file_mode(import_folder(folder)).ok()) return ok();
    return error{errc::conflict,
                 "an import into " + folder + " was not finished (" + import_folder(folder) +
                     " is there, no journal is): repeat it, or remove that folder to begin a new "
                     "journal"};
}

} // namespace

std::string import_folder(const std::string& path) {
    return path + "/import";
}

result<fd_guard> hold_still(const std::string& path) {
    const std::string name = writer_lock_path(path);
    fd_guard lock(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    if (lock.get() < 0) {
        if (errno != ENOENT) return system_error("open " + name);
        return lock;
    }
    if (::flock(lock.get(), LOCK_SH | LOCK_NB) == 0) return lock;
    if (errno == EWOULDBLOCK)
        return error{errc::conflict, "a process writes to the journal in " + path};
    return system_error("lock " + name);
}

result<opened_journal_store> open_journal_store(const journal_store_options& options,
                                                random_port& random) {
    lmdb_options to_open = options.lmdb;
    to_open.check = check_no_import;
    WHARF_TRY_ASSIGN(auto below, open_lmdb(to_open));
    // Before the ring: to open that writes, and nothing is written into a journal of a later
    // version. Whatever else is wrong with the header is found when the journal is opened.
    if (auto header = read_header(*below);
        !header.ok() && header.failure().code == errc::unsupported)
        return std::move(header).failure();
    WHARF_TRY_ASSIGN(auto file,
                     ring_file::open(ring_path(options.lmdb.path), ring_file::access::read_write));
    auto both = std::make_unique<layered_store>(std::move(below), std::move(file));
    WHARF_TRY(both->open(random, options.ring));
    opened_journal_store out;
    if (!both->is_direct())
        out.note = "the file system under " + options.lmdb.path +
                   " refuses O_DIRECT: the ring is written through the page cache";
    out.over = std::move(both);
    return out;
}

result<looked_at_store> open_journal_store_read_only(const std::string& path) {
    while (true) {
        looked_at_store out;
        out.live = is_live(path);
        WHARF_TRY_ASSIGN(auto below, open_lmdb_read_only(path));
        WHARF_TRY_ASSIGN(auto file, ring_file::open(ring_path(path), ring_file::access::read_only));
        auto both = std::make_unique<layered_store>(std::move(below), std::move(file));
        auto opened = both->open_read_only(!out.live);
        // Who began to write meanwhile may have changed what was being read.
        if (!out.live && is_live(path)) continue;
        if (!opened.ok()) return std::move(opened).failure();
        out.over = std::move(both);
        return out;
    }
}

} // namespace wharf
