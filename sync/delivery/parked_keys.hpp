// Which ordering keys are blocked by parked updates, and which parked update is at the front of all
// its keys. The queues themselves are on disk; memory holds one entry per blocked key. A pure
// machine of the sync thread; cannot fail.
//
// The journal is read again after each change that may have moved a front, once that change is
// durable: the reader sees what was committed. Until then the key stays blocked.
#pragma once

#include "gateway/base/sequence.hpp"
#include "wharf/v1/journal.pb.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace wharf {

class parked_keys {
  public:
    [[nodiscard]] bool blocked(std::uint64_t key) const { return keys_.contains(key); }
    [[nodiscard]] std::size_t size() const { return keys_.size(); }

    // A journal request changes a parked update: it is parked, changes state (blocks: it queues
    // under its keys from now on) or leaves. Returns the keys to hand to durable().
    std::vector<std::uint64_t> change(sequence number, const std::vector<std::uint64_t>& keys,
                                      bool blocks);
    // That request is on disk.
    void durable(const std::vector<std::uint64_t>& keys);

    // At the start: a key with its front as the journal has it.
    void load(std::uint64_t key, sequence first);

    // Keys whose front has to be read now; each asked once.
    [[nodiscard]] std::vector<std::uint64_t> drain_looks();
    void on_first(std::uint64_t key, std::optional<sequence> first);
    // Fronts whose content has to be read now; each asked once.
    [[nodiscard]] std::vector<sequence> drain_loads();
    void on_parked(sequence number, const wharf::v1::ParkedUpdate* content);

    // Fronts of all their keys that may be delivered, since the last call.
    [[nodiscard]] std::vector<sequence> drain_released();
    // REQUIRES: it was released and not changed since.
    [[nodiscard]] const wharf::v1::ParkedUpdate& content(sequence number) const;
    // Still at the front of all its keys, as it was when it was released.
    [[nodiscard]] bool deliverable(sequence number) const;

  private:
    struct key_entry {
        sequence first = k_no_sequence; // nothing: not known now
        std::uint32_t changing = 0;     // requests under way
        bool look = false;              // the front has to be read (again)
        bool asked = false;
    };
    struct front {
        std::size_t under = 0; // of how many keys it is the front
        std::optional<wharf::v1::ParkedUpdate> content;
        bool asked = false;
        bool offered = false;
    };
    void want_look(std::uint64_t key, key_entry& entry);
    void leave_front(key_entry& entry);
    void offer(sequence number, front& f);

    std::map<std::uint64_t, key_entry> keys_;
    std::map<sequence, front> fronts_;
    std::set<std::uint64_t> looks_;
    std::set<sequence> loads_;
    std::set<sequence> released_;
};

} // namespace wharf
