// The journal's store as it stands in its folder: LMDB with the write-ahead ring in front of it.
// Failure rules: docs/adr/0001 and 0004. The writer's calls on one thread, readers on any.
#pragma once

#include "gateway/platform/lmdb_store.hpp"
#include "gateway/ports/random.hpp"
#include "gateway/ring/ring_store.hpp"

#include <memory>
#include <string>

namespace wharf {

struct journal_store_options {
    lmdb_options lmdb;
    ring_options ring;
};

struct opened_journal_store {
    std::unique_ptr<store> over;
    std::string note; // something the operator should know, or empty
};

// For the one process that writes. What the ring held is in LMDB when this returns.
[[nodiscard]] result<opened_journal_store> open_journal_store(const journal_store_options& options,
                                                              random_port& random);

// Keeps who would write to a journal out, for as long as the guard lives; errc::conflict where
// somebody writes. Where there is no lock to hold, as beside a copy, there is nobody.
[[nodiscard]] result<fd_guard> hold_still(const std::string& path);

// Where an import into this folder works, inside it, until it is done. While it is there and the
// journal is not, the journal does not open: a new one must not begin in its place.
[[nodiscard]] std::string import_folder(const std::string& path);

struct looked_at_store {
    std::unique_ptr<store> over;
    // A process writes to it: what is shown is the last checkpoint, without what waits in the ring.
    bool live = false;
};

// For looking at a live or a copied journal; writes nothing.
[[nodiscard]] result<looked_at_store> open_journal_store_read_only(const std::string& path);

} // namespace wharf
