#include "gateway/platform/journal_import.hpp"

#include "gateway/platform/journal_store.hpp"
#include "gateway/platform/lmdb_store.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace wharf {

namespace {

constexpr const char* k_data = "/data.mdb";
// Everything that a journal's folder may have.
constexpr std::array k_files = {k_data, "/lock.mdb", "/writer.lock", "/made", "/ring"};

status check_empty(const std::string& path) {
    for (const char* name : {k_data, "/made", "/ring"})
        if (file_mode(path + name).ok())
            return error{errc::conflict, path + " has a journal already (" + (name + 1) +
                                             " is there). An import never replaces one: name "
                                             "another folder, or move that one away first"};
    return ok();
}

status remove_inner(const std::string& inner) {
    if (!file_mode(inner).ok()) return ok();
    for (const char* name : k_files)
        if (::unlink((inner + name).c_str()) != 0 && errno != ENOENT)
            return system_error("remove " + inner + name);
    if (::rmdir(inner.c_str()) != 0) return system_error("remove " + inner);
    return sync_folder(folder_above(inner));
}

// Where root imports, the journal belongs to whom its folder belongs: that is who runs wharfd.
status give(const std::string& what, const struct stat& owner) {
    if (::geteuid() != 0) return ok();
    if (::chown(what.c_str(), owner.st_uid, owner.st_gid) != 0)
        return system_error("chown " + what);
    return ok();
}

status sync_file(const std::string& path) {
    fd_guard file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0 || ::fsync(file.get()) != 0) return system_error("sync " + path);
    return ok();
}

class importer {
  public:
    importer(const journal_import_options& options, const import_calls& calls)
        : path_(options.path), inner_(import_folder(options.path)), options_(options),
          calls_(calls) {}

    status prepare() {
        WHARF_TRY(check_empty(path_));
        WHARF_TRY_ASSIGN(const bool made, make_folder(path_));
        const std::string above = folder_above(path_);
        if (::stat((made ? above : path_).c_str(), &owner_) != 0) return system_error(path_);
        if (made) {
            WHARF_TRY(give(path_, owner_));
            WHARF_TRY(sync_folder(above));
        }
        WHARF_TRY_ASSIGN(lock_, lock_for_writing(path_));
        WHARF_TRY(give(writer_lock_path(path_), owner_));
        WHARF_TRY(check_empty(path_)); // whoever held the lock before may have made one
        tell(import_step::locked);
        WHARF_TRY(remove_inner(inner_));
        WHARF_TRY_ASSIGN(store_, open_lmdb({inner_, options_.size_bytes}));
        WHARF_TRY(sync_folder(path_));
        tell(import_step::made);
        return ok();
    }

    result<import_summary> fill(export_reader& from, const wharf::v1::ExportHeader& of,
                                random_port& random) {
        auto filled = import_records(from, of, *store_, random, options_.takeover, told(false));
        if (!filled.ok() && filled.failure().code == errc::no_space)
            return std::move(filled).failure().in("the journal does not fit into its size "
                                                  "(journal.size_max_mb)");
        if (!filled.ok()) return std::move(filled).failure();
        tell(import_step::filled);
        WHARF_TRY_ASSIGN(const auto found, verify(*store_, told(true)));
        if (found.findings_total > 0)
            return error{errc::corrupt,
                         "the journal in the export is damaged, " +
                             std::to_string(found.findings_total) + " findings, the first: " +
                             found.findings.front().where + ": " + found.findings.front().what};
        tell(import_step::verified);
        return filled;
    }

    // The one step that makes it a journal: the database alone is the whole of it.
    status move() {
        store_.reset();
        const std::string from = inner_ + k_data;
        WHARF_TRY(sync_file(from));
        WHARF_TRY(give(from, owner_));
        tell(import_step::closed);
        if (std::rename(from.c_str(), (path_ + k_data).c_str()) != 0)
            return system_error("move the journal to " + path_);
        WHARF_TRY(sync_folder(path_));
        tell(import_step::moved);
        WHARF_TRY(remove_inner(inner_));
        tell(import_step::done);
        return ok();
    }

    // After a failure: as it was. What cannot be removed now is removed by the next import.
    void take_back() {
        store_.reset();
        static_cast<void>(remove_inner(inner_));
    }

  private:
    void tell(import_step step) const {
        if (calls_.at) calls_.at(step);
    }
    [[nodiscard]] record_progress told(bool verifying) const {
        if (!calls_.progress) return {};
        return [this, verifying](std::uint64_t records) { calls_.progress(verifying, records); };
    }

    const std::string path_;
    const std::string inner_;
    const journal_import_options& options_;
    const import_calls& calls_;
    struct stat owner_ {};
    fd_guard lock_{-1};
    std::unique_ptr<store> store_;
};

} // namespace

result<import_summary> import_journal(export_reader& from, const wharf::v1::ExportHeader& of,
                                      const journal_import_options& options, random_port& random,
                                      const import_calls& calls) {
    importer one(options, calls);
    WHARF_TRY(one.prepare());
    auto filled = one.fill(from, of, random);
    if (!filled.ok()) {
        one.take_back();
        return filled;
    }
    WHARF_TRY(one.move());
    return filled;
}

} // namespace wharf
