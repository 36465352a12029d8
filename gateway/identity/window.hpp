// The duplicate window: which events were accepted lately, by what makes them themselves. Kept in
// the journal's store and changed in the transaction that accepts the event, so it is as durable as
// the event and an aborted group leaves no trace. The journal thread only.
//
// Identities are numbered as they come (ordinals) and stored in runs (run.hpp); a table of
// fingerprints in memory (fingerprints.hpp) says where to look. A match is decided on the full
// identity key and a digest of the content, never on the fingerprint. Why so: docs/adr/0005.
//
// A group: find() and remember() for each event, maintain(), write(); then keep() when the group is
// durable, or roll_back().
#pragma once

#include "gateway/base/sequence.hpp"
#include "gateway/identity/fingerprints.hpp"
#include "gateway/identity/run.hpp"
#include "gateway/ports/store.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace wharf {

struct identity_match {
    enum class kind {
        unknown,  // none of the keys is in the window
        same,     // a key is there with this content
        conflict, // a key is there with other content
    };
    kind what = kind::unknown;
    sequence original = k_no_sequence; // which event has it
};

// Kept by the caller in the same transaction.
struct identity_state {
    std::uint64_t oldest = 0;        // ordinal of the oldest identity in the window
    std::uint64_t next = 0;          // of the next one
    std::uint64_t evicted_early = 0; // by their number or bytes, before their age

    [[nodiscard]] std::uint64_t count() const { return next - oldest; }
};

struct identity_bounds {
    std::int64_t age_us_max = 0; // in journal time
    std::uint64_t count_max = 0; // identity keys
    // Of the runs' values; 0: no bound. It keeps the window from filling the store by itself.
    std::uint64_t bytes_max = 0;
};

// For tests; the product has the defaults.
struct identity_tuning {
    unsigned fingerprint_bits = 16;
    std::size_t run_max = 4095;           // identities in one run
    std::size_t small_run = 512;          // runs below this size are merged ...
    std::size_t small_runs_max = 512;     // ... when there are so many
    std::size_t table_min = 16 * 1024;    // entries of the smallest table
    std::size_t table_slack = 128 * 1024; // entries above count_max: a run and a group
};

class identity_window {
  public:
    explicit identity_window(identity_tuning tuning = {}) : tuning_(tuning), table_(0) {}

    // Reads the runs of the window as it was committed. errc::corrupt where one is damaged or
    // missing.
    status open(store_reader& in, const identity_state& committed, const identity_bounds& bounds);

    // Brings near what find() will look at.
    void prefetch(const std::vector<identity_key>& keys) const {
        for (const identity_key& key : keys) {
            table_.prefetch(key.hash);
            __builtin_prefetch(key.text.data());
        }
    }
    result<identity_match> find(store_reader& in, const std::vector<identity_key>& keys,
                                const digest128& content) const;
    // REQUIRES: find() said unknown for these keys in this group.
    void remember(const std::vector<identity_key>& keys, const digest128& content, sequence number);
    // Forgets what is too old, and the oldest where there are too many; merges small runs. Bounded,
    // but never slower than the window grows. At least count_max identities, where there were so
    // many, and all that are not too old up to that number stay in the window, unless their bytes
    // are too many. Once in a group. True: it changed.
    result<bool> maintain(store_writer& in, std::int64_t journal_time_us);
    // Writes what was remembered in this group.
    status write(store_writer& in, std::int64_t journal_time_us);

    void keep();
    void roll_back();

    // Of the open group.
    [[nodiscard]] const identity_state& state() const { return state_; }
    [[nodiscard]] std::size_t memory_bytes() const;
    // The table is to be made anew, larger, before the next group ends.
    [[nodiscard]] bool crowded() const { return table_.overfull(); }
    // Of the runs in the store.
    [[nodiscard]] std::uint64_t stored_bytes() const { return bytes_; }

  private:
    struct run_place {
        std::uint64_t first;
        std::uint32_t count;
        std::uint32_t bytes;
        std::int64_t newest_us;
    };

    struct share {
        std::size_t runs = 0;
        std::size_t entries = 0;
        std::size_t bytes = 0;
    };

    status read_runs(store_reader& in);
    result<std::size_t> read_run(std::string_view key, std::string_view value,
                                 std::uint64_t expected, bool list);
    status grow_where_crowded(store_reader& in);
    status grow(store_reader& in);
    void make_table(std::uint64_t count);
    [[nodiscard]] std::size_t entries_for(std::uint64_t count) const;
    void set_live() { table_.set_live(committed_.oldest, state_.next); }
    result<bool> judge(store_reader& in, const identity_key& key, const digest128& content,
                       std::uint64_t ordinal, identity_match& match) const;
    status expire(store_writer& in, std::int64_t journal_time_us, bool& changed);
    status merge(store_writer& in, bool& changed);
    status merge_runs(store_writer& in, std::size_t from, std::size_t count);
    result<std::uint32_t> rewrite(store_writer& in, std::size_t from, std::size_t count);
    [[nodiscard]] bool has_taken_its_share(const share& taken) const;
    void add_run(const run_place& run);

    identity_tuning tuning_;
    identity_bounds bounds_;
    fingerprint_table table_;
    std::size_t table_max_ = 0; // entries
    std::deque<run_place> runs_;
    std::uint64_t bytes_ = 0;    // of all runs
    std::size_t small_from_ = 0; // no small run stands before this place
    identity_state committed_;
    identity_state state_;
    identity_run_builder pending_; // ordinals from committed_.next on

    // How the open group changed runs_, to be undone: first the expired ones were taken from the
    // front, then one stretch was merged, then new ones were added at the back.
    std::vector<run_place> expired_;
    bool merging_ = false; // in this group
    unsigned merge_pause_groups_ = 0;
    std::vector<run_place> merged_;
    std::size_t merged_at_ = 0;
    std::size_t added_ = 0;
};

} // namespace wharf
