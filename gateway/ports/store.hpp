// An ordered key-value store with one writer and durable transactions: what the journal stands on.
// gateway/platform/lmdb_store.* is the real one; the simulator brings a model.
//
// A write transaction belongs to the journal thread. Read transactions may be opened on any thread
// and must be short: a reader that stays keeps the store from reusing pages.
#pragma once

#include "gateway/base/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace wharf {

// What became of a commit.
enum class commit_outcome {
    durable,  // on disk: it survives a power cut from here on
    no_space, // nothing was changed; free space and try again
    unknown,  // a write, sync or meta write failed: it may or may not be on disk. Stop the process.
};

struct commit_result {
    commit_outcome outcome = commit_outcome::unknown;
    std::string message; // what failed, where something did
};

class store_reader {
  public:
    virtual ~store_reader() = default;

    // The value stays valid until the transaction ends or, in a writer, its next change.
    // Nothing where there is no such key; errc::corrupt or errc::io where reading failed.
    virtual result<std::optional<std::string_view>> get(std::string_view key) = 0;

    // Visits the entries whose keys are >= from, in key order, until the visitor says false. The
    // views it is given stay valid as those of get().
    // REQUIRES: the visitor does not change the store.
    using visitor = std::function<bool(std::string_view key, std::string_view value)>;
    virtual status scan(std::string_view from, const visitor& visit) = 0;

    // A part of a value that was shown, and that will soon be read: a store on a disk may fetch it
    // in one go, beside others. May be called by a visitor.
    virtual void will_read(std::string_view /*part*/) {}

    // The entry with the largest key < before, where there is one.
    virtual status scan_back(std::string_view before, const visitor& visit) = 0;
};

class store_writer : public store_reader {
  public:
    // errc::no_space where the quota is reached: abort, nothing is changed.
    virtual status put(std::string_view key, std::string_view value) = 0;
    // The same of a value in pieces, one after the other, for stores that need not join them first.
    virtual status put_pieces(std::string_view key, std::span<const std::string_view> pieces);
    // Success also where there is no such key.
    virtual status erase(std::string_view key) = 0;
    // Ends the transaction, whatever comes of it. After `unknown` every later begin_write fails.
    virtual commit_result commit() = 0;
    // A writer that goes out of scope without a commit changes nothing.
};

inline status store_writer::put_pieces(std::string_view key,
                                       std::span<const std::string_view> pieces) {
    std::string value;
    for (std::string_view piece : pieces)
        value.append(piece);
    return put(key, value);
}

// How full the store is.
struct store_usage {
    std::uint64_t bytes_max = 0;  // the quota
    std::uint64_t bytes_used = 0; // pages in use, without those that can be reused
    // Of what is free, what the next transaction cannot take yet.
    std::uint64_t bytes_locked = 0;
    std::uint32_t page_bytes = 4096;
};

// What a store with a write-ahead ring wrote since it was opened; all zero for one without.
struct store_traffic {
    std::uint64_t ring_records = 0;
    std::uint64_t ring_bytes = 0;
    std::uint64_t checkpoints = 0;
    std::uint64_t checkpoint_bytes = 0;    // keys and values, not what the pages below come to
    std::uint64_t checkpoints_refused = 0; // for want of space; tried again
    std::uint64_t direct_commits = 0;      // past the ring
};

class store {
  public:
    virtual ~store() = default;
    virtual result<std::unique_ptr<store_writer>> begin_write() = 0;
    virtual result<std::unique_ptr<store_reader>> begin_read() = 0;
    virtual result<store_usage> usage() = 0;

    // What follows is of the writer's thread, between its transactions.

    // Gives the store a chance to bring what is durable to its final place. Called after each group
    // and at least once a second. A failure is a commit of unknown outcome: stop the process.
    virtual status tick(std::int64_t /*monotonic_us*/) { return ok(); }
    // The same at once, for somebody who wants to look. Where there is no space nothing happens.
    virtual status checkpoint() { return ok(); }
    // The last call of a clean stop: afterwards begin_write fails. A failure loses nothing; the
    // next start has more to do.
    virtual status close() { return ok(); }
    [[nodiscard]] virtual store_traffic traffic() const { return {}; }
};

} // namespace wharf
