// For each ordering key the last event that touched it, in a table of fixed size: what an event's
// links are made from. Two keys that fall on one slot are treated as one, which delays and never
// reorders. Kept in memory, written to the store as it is now and then, and brought up to date at a
// start from the events since. The journal thread only.
#pragma once

#include "gateway/journal/requests.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wharf {

class order_table {
  public:
    // Makes the event the last one of its keys, and hands out what was there before.
    order_links link(sequence number, lane in_lane, const std::vector<std::uint64_t>& order_keys);
    // Brings near what a later link() of these will touch.
    void prefetch(const std::vector<std::uint64_t>& order_keys) const {
        for (std::uint64_t key : order_keys)
            __builtin_prefetch(&slots_[slot_of(key)], 1);
    }
    // The same, without a way back: for a start.
    void note(const event_head& head);

    // The table in parts, as bytes, with the sequence that it stands at.
    static constexpr std::size_t k_parts = 16;
    [[nodiscard]] std::string part(std::size_t number, sequence as_of) const;
    // Takes a part over and says at which sequence it stood; nothing where it is malformed.
    std::optional<sequence> load_part(std::size_t number, std::string_view bytes);

    void keep() { undo_.clear(); }
    // Takes back every link() since the last keep().
    void roll_back();

  private:
    static constexpr std::size_t k_slots = 64 * 1024;
    // As in the store: the sequence, and in the low two bits its lane.
    struct slot {
        std::uint64_t packed = 0;

        [[nodiscard]] sequence last() const { return packed >> 2; }
        [[nodiscard]] lane in_lane() const { return static_cast<lane>(packed & 3); }
    };
    static slot slot_for(sequence number, lane in_lane) {
        return {number << 2 | static_cast<std::uint64_t>(in_lane)};
    }
    static_assert(k_lane_count <= 4 && k_no_sequence == 0);
    struct change {
        std::size_t index;
        slot before;
    };
    static std::size_t slot_of(std::uint64_t key_hash) { return key_hash % k_slots; }

    std::vector<slot> slots_ = std::vector<slot>(k_slots);
    std::vector<change> undo_;
};

} // namespace wharf
