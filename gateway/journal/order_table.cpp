#include "gateway/journal/order_table.hpp"

#include <algorithm>

namespace wharf {

order_links order_table::link(sequence number, lane in_lane,
                              const std::vector<std::uint64_t>& order_keys) {
    order_links links;
    links.reserve(order_keys.size());
    for (std::uint64_t key : order_keys) {
        std::size_t index = slot_of(key);
        if (slots_[index].last() == number) {
            // Two keys of one event share a slot: it waits for what was there before itself.
            auto before = std::find_if(undo_.rbegin(), undo_.rend(),
                                       [&](const change& made) { return made.index == index; });
            links.push_back({key, before->before.last(), before->before.in_lane()});
            continue;
        }
        links.push_back({key, slots_[index].last(), slots_[index].in_lane()});
        undo_.push_back({index, slots_[index]});
        slots_[index] = slot_for(number, in_lane);
    }
    return links;
}

void order_table::note(const event_head& head) {
    for (const order_link& link : head.links)
        slots_[slot_of(link.key_hash)] = slot_for(head.number, head.in_lane);
}

void order_table::roll_back() {
    for (auto undone = undo_.rbegin(); undone != undo_.rend(); ++undone)
        slots_[undone->index] = undone->before;
    undo_.clear();
}

} // namespace wharf
