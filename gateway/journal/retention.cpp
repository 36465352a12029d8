// What the journal forgets: settled events by age and by quota, identities, sessions.
#include "gateway/base/limits.hpp"
#include "gateway/base/mutant.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/journal.hpp"

#include <algorithm>
#include <set>

namespace wharf {

namespace {

std::size_t share_of(std::size_t bound, unsigned halvings) {
    return std::max<std::size_t>(bound >> std::min(halvings, 31U), 1);
}

} // namespace

status journal::maintain(std::uint32_t bytes_percent, unsigned halvings) {
    WHARF_ASSERT(group_ != nullptr);
    WHARF_TRY(write_block()); // retention may go up to the end
    WHARF_TRY_ASSIGN(bool changed, identity_.maintain(*group_, now_us_));
    dirty_ = dirty_ || changed;
    WHARF_TRY(expire_sessions());
    return retain(bytes_percent, halvings);
}

bool journal::settled_everywhere(const event_block& block) const {
    for (std::uint8_t destination : numbers_) {
        const auto& marks = next_low_water_.at(destination);
        for (std::size_t i = 0; i < k_lane_count; ++i)
            if (marks[i] < block.last_of(static_cast<lane>(i))) return false;
    }
    return true;
}

// Rising, each once.
result<std::vector<sequence>> journal::parked_between(sequence first, sequence last) {
    std::vector<sequence> parked;
    for (int i = 0; i < next_.destinations_size(); ++i) {
        const auto destination = static_cast<std::uint8_t>(i);
        const std::string end = format::parked_key(destination, last);
        WHARF_TRY(group_->scan(format::parked_key(destination, first), [&](auto key, auto) {
            if (key > end) return false;
            parked.push_back(format::trailing_number(key));
            return true;
        }));
    }
    std::sort(parked.begin(), parked.end());
    parked.erase(std::unique(parked.begin(), parked.end()), parked.end());
    return parked;
}

status journal::retain(std::uint32_t bytes_percent, unsigned halvings) {
    bool crowded = bytes_percent >= options_.retention_percent;
    const std::size_t deletes_max =
        share_of(limits::k_retention_deletes_per_group_max + 2 * appended_.size(), halvings);
    for (std::size_t deleted = 0; deleted < deletes_max;) {
        if (next_.oldest_sequence() > next_.last_sequence()) break;
        std::string key;
        std::optional<event_block> block;
        WHARF_TRY(visit_blocks(*group_, next_.oldest_sequence(),
                               [&](auto at, const event_block& found) -> result<bool> {
                                   key = at;
                                   block = found;
                                   return false;
                               }));
        if (!block)
            return error{errc::corrupt,
                         "events from " + std::to_string(next_.oldest_sequence()) + " are missing"};
        if (!settled_everywhere(*block) && !WHARF_MUTANT(retention_takes_pending)) break;
        if (!crowded && block->journal_time_us() > now_us_ - options_.retention_us) break;
        deleted += block->size();
        const sequence last = block->last();
        WHARF_TRY_ASSIGN(auto parked, parked_between(block->first(), last));
        if (WHARF_MUTANT(retention_takes_parked)) parked.clear();
        WHARF_TRY(cut_block(key, *block, parked));
        next_.set_oldest_sequence(last + 1);
    }
    const bool short_of_space =
        bytes_percent >= limits::k_journal_full_percent - limits::k_journal_room_percent;
    if (!short_of_space || shed_to_.empty()) return ok();
    return hollow(halvings, deletes_max);
}

void journal::note_shed(std::uint8_t destination, sequence number) {
    sequence& to = shed_to_[destination];
    // An older one, of another lane or because it became free: its block is looked at again.
    if (number < to) hollowed_ = k_no_sequence;
    to = std::max(to, number);
}

// A full journal whose oldest update still waits: what was shed goes out of the blocks behind it,
// and with it whatever else is settled there.
status journal::hollow(unsigned halvings, std::size_t deletes_max) {
    sequence shed_to = next_.last_sequence() - 1; // the newest block stays as it is
    for (std::uint8_t destination : numbers_)
        shed_to = std::min(shed_to, std::max(shed_to_[destination],
                                             std::ranges::min(next_low_water_.at(destination))));
    hollowed_ = std::max(hollowed_, next_.oldest_sequence() - 1);
    std::size_t deleted = 0;
    std::size_t looks = share_of(limits::k_hollow_blocks_per_group_max, halvings);
    while (hollowed_ < shed_to && looks-- > 0 && deleted < deletes_max) {
        std::string key;
        std::optional<event_block> block;
        WHARF_TRY(
            visit_blocks(*group_, hollowed_ + 1, [&](auto at, const auto& found) -> result<bool> {
                key = at;
                block = found;
                return false;
            }));
        if (!block || block->last() > shed_to) break;
        hollowed_ = block->last();
        WHARF_TRY_ASSIGN(const std::size_t gone, hollow_block(key, *block));
        deleted += gone;
    }
    return ok();
}

// Settled though older updates of their lane wait: by destination and number.
result<std::set<std::pair<std::uint8_t, sequence>>> journal::marked_between(sequence first,
                                                                            sequence last) {
    std::set<std::pair<std::uint8_t, sequence>> out;
    for (std::uint8_t destination : numbers_)
        for (std::size_t i = 0; i < k_lane_count; ++i) {
            const auto which = static_cast<lane>(i);
            const std::string end = format::mark_key(destination, which, last);
            WHARF_TRY(group_->scan(format::mark_key(destination, which, first),
                                   [&](std::string_view key, std::string_view) {
                                       if (key > end) return false;
                                       out.emplace(destination, format::trailing_number(key));
                                       return true;
                                   }));
        }
    return out;
}

// How many events it lost.
result<std::size_t> journal::hollow_block(const std::string& key, const event_block& block) {
    constexpr std::size_t k_worth_it = 8; // one in so many: to write the others again costs, too
    const sequence last = block.last();
    const std::size_t size = block.size();
    WHARF_TRY_ASSIGN(auto kept, parked_between(block.first(), last));
    WHARF_TRY_ASSIGN(const auto marked, marked_between(block.first(), last));
    for (std::size_t i = 0; i < size; ++i) {
        const sequence number = block.number(i);
        const std::size_t in_lane = index_of(block.lane_of(i));
        const bool settled = std::ranges::all_of(numbers_, [&](std::uint8_t destination) {
            return number <= next_low_water_.at(destination)[in_lane] ||
                   marked.contains({destination, number});
        });
        if (!settled) kept.push_back(number);
    }
    if (WHARF_MUTANT(hollow_takes_pending)) kept.clear();
    std::ranges::sort(kept);
    kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
    if (kept.size() + size / k_worth_it >= size && !kept.empty()) return std::size_t{0};
    WHARF_TRY(cut_block(key, block, kept));
    next_.set_hollow_to(std::max(next_.hollow_to(), last));
    return size - kept.size();
}

// Leaves of a block the events that are named.
status journal::cut_block(const std::string& key, const event_block& block,
                          const std::vector<sequence>& kept) {
    dirty_ = true;
    event_block_builder rest;
    for (sequence number : kept) {
        const std::size_t index = block.find(number);
        if (index == block.size() || block.number(index) != number) continue;
        WHARF_TRY_ASSIGN(auto record, block.record(index));
        rest.add(number, block.lane_of(index), block.journal_time_us(), record);
    }
    WHARF_TRY(group_->erase(key));
    return rest.empty() ? ok() : group_->put(rest.key(), rest.value());
}

// A parked event that retention has passed by found its end.
status journal::take_out(sequence number) {
    std::string key;
    std::optional<event_block> block;
    WHARF_TRY(visit_blocks(*group_, number, [&](auto at, const event_block& found) -> result<bool> {
        key = at;
        if (found.first() <= number) block = found;
        return false;
    }));
    if (!block) return ok();
    std::vector<sequence> kept;
    for (std::size_t i = 0; i < block->size(); ++i)
        if (block->number(i) != number) kept.push_back(block->number(i));
    return cut_block(key, *block, kept);
}

} // namespace wharf
