#include "gateway/journal/order_table.hpp"

namespace wharf {

std::vector<order_link> order_table::link(sequence number, lane in_lane,
                                          const std::vector<std::uint64_t>& order_keys) {
    std::vector<order_link> links;
    links.reserve(order_keys.size());
    for (std::uint64_t key : order_keys) {
        const slot& last = slots_[slot_of(key)];
        // Two keys of one event may share a slot: an event does not wait for itself.
        if (last.last != number)
            links.push_back({key, last.last, last.in_lane});
        else
            links.push_back({key, k_no_sequence, lane::shipment});
        if (last.last == number) continue;
        undo_.push_back({slot_of(key), last});
        slots_[slot_of(key)] = {number, in_lane};
    }
    return links;
}

void order_table::note(const event_head& head) {
    for (const order_link& link : head.links)
        slots_[slot_of(link.key_hash)] = {head.number, head.in_lane};
}

void order_table::roll_back() {
    for (auto undone = undo_.rbegin(); undone != undo_.rend(); ++undone)
        slots_[undone->index] = undone->before;
    undo_.clear();
}

} // namespace wharf
