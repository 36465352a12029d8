// Stands in for gateway/journal/order_table.cpp: with WHARF_SABOTAGE=no-order an event touches no
// ordering key, so that nothing waits for anything.
#include "gateway/journal/order_table.hpp"

#include <cstdlib>
#include <string_view>

namespace wharf {

namespace {

bool order_is_off() {
    const char* wish = std::getenv("WHARF_SABOTAGE"); // NOLINT(concurrency-mt-unsafe)
    return wish != nullptr && std::string_view(wish) == "no-order";
}

} // namespace

order_links order_table::link(sequence number, lane in_lane,
                              const std::vector<std::uint64_t>& order_keys) {
    order_links links;
    if (order_is_off()) return links;
    for (std::uint64_t key : order_keys) {
        slot& last = slots_[slot_of(key)];
        links.push_back({key, last.last() == number ? k_no_sequence : last.last(), last.in_lane()});
        undo_.push_back({slot_of(key), last});
        last = slot_for(number, in_lane);
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
