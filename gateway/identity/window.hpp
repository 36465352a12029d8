// The duplicate window: which events were accepted lately, by what makes them themselves. Kept in
// the journal's store and changed in the transaction that accepts the event, so it is as durable as
// the event and an aborted group leaves no trace. The journal thread only.
//
// A match is decided on the full identity key and the SHA-256 of the content, never on the
// shortened hash that finds the entry.
#pragma once

#include "gateway/base/sequence.hpp"
#include "gateway/ports/digest.hpp"
#include "gateway/ports/store.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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
    sequence oldest = 1; // events before this one are out of the window
    std::uint64_t count = 0;
    std::uint64_t evicted_early = 0; // by the count bound, before their age
};

struct identity_bounds {
    std::int64_t age_us_max = 0; // in journal time
    std::uint64_t count_max = 0; // identity keys
};

class identity_window {
  public:
    virtual ~identity_window() = default;

    virtual result<identity_match> find(store_reader& in, const std::vector<std::string>& keys,
                                        const sha256_digest& content) = 0;

    // Several calls may name the same event: its keys add up. REQUIRES: find() said unknown for
    // these keys in this transaction.
    virtual status remember(store_writer& in, identity_state& state,
                            const std::vector<std::string>& keys, const sha256_digest& content,
                            sequence number, std::int64_t journal_time_us) = 0;

    // Forgets what is too old, and the oldest where there are too many; at most keys_max of them.
    virtual status expire(store_writer& in, identity_state& state, const identity_bounds& bounds,
                          std::int64_t journal_time_us, std::size_t keys_max) = 0;
};

// One record per identity key in the store's own tree.
class tree_identity_window : public identity_window {
  public:
    result<identity_match> find(store_reader& in, const std::vector<std::string>& keys,
                                const sha256_digest& content) override;
    status remember(store_writer& in, identity_state& state, const std::vector<std::string>& keys,
                    const sha256_digest& content, sequence number,
                    std::int64_t journal_time_us) override;
    status expire(store_writer& in, identity_state& state, const identity_bounds& bounds,
                  std::int64_t journal_time_us, std::size_t keys_max) override;
};

// How many identity keys the content of one record of the tree stands for, for who checks a
// journal; nothing where it is malformed. Either side of the tree adds up to identity_state::count.
std::optional<std::size_t> identities_in_entry(std::string_view content);
std::optional<std::size_t> identities_in_age(std::string_view content);

} // namespace wharf
