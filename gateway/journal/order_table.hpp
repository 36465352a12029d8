// For each ordering key the last event that touched it, in a table of fixed size: what an event's
// links are made from. Two keys that fall on one slot are treated as one, which delays and never
// reorders. Kept in memory and rebuilt from what is undelivered. The journal thread only.
#pragma once

#include "gateway/journal/requests.hpp"

#include <vector>

namespace wharf {

class order_table {
  public:
    // Makes the event the last one of its keys, and hands out what was there before.
    std::vector<order_link> link(sequence number, lane in_lane,
                                 const std::vector<std::uint64_t>& order_keys);
    // The same, without a way back: for the rebuilding.
    void note(const event_head& head);

    void keep() { undo_.clear(); }
    // Takes back every link() since the last keep().
    void roll_back();

  private:
    static constexpr std::size_t k_slots = 64 * 1024;
    struct slot {
        sequence last = k_no_sequence;
        lane in_lane = lane::shipment;
    };
    struct change {
        std::size_t index;
        slot before;
    };
    static std::size_t slot_of(std::uint64_t key_hash) { return key_hash % k_slots; }

    std::vector<slot> slots_ = std::vector<slot>(k_slots);
    std::vector<change> undo_;
};

} // namespace wharf
