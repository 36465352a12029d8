// The store over LMDB: one unnamed database, durable commits, one writer. The only user of lmdb.h.
//
// Failure rules (docs/adr/0001): a full map, and ENOSPC while pages are written, abort the
// transaction and change nothing. Any other failure of a commit leaves its outcome unknown; after
// it every begin_write fails, and the process is to be stopped. LMDB's next commit would succeed as
// if nothing had happened, which is why it must not be tried.
#pragma once

#include "gateway/platform/file.hpp"
#include "gateway/ports/store.hpp"

#include <memory>
#include <string>

namespace wharf {

struct lmdb_options {
    std::string path;             // a directory; made where it does not exist
    std::uint64_t size_bytes = 0; // the quota: the file is allocated in full when it is made
    // Asked with the folder, under the writer's lock and before anything is made in it.
    status (*check)(const std::string& path) = nullptr;
};

// The file whose lock the writer holds.
[[nodiscard]] std::string writer_lock_path(const std::string& path);

// Takes that lock, for as long as the guard lives; errc::conflict where another process has it.
[[nodiscard]] result<fd_guard> lock_for_writing(const std::string& path);

// For the one process that writes. Fails where another process has it open for writing, where the
// file is shorter than its own header says, or where the file system cannot hold the quota.
result<std::unique_ptr<store>> open_lmdb(const lmdb_options& options);

// For looking at a live or a copied journal.
result<std::unique_ptr<store>> open_lmdb_read_only(const std::string& path);

} // namespace wharf
