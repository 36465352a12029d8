// What the journal forgets: settled events by age and by quota, identities, sessions.
#include "gateway/base/limits.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/journal.hpp"

#include <algorithm>

namespace wharf {

namespace {

// Twice the keys an event may have: what expires keeps ahead of what is added.
constexpr std::size_t k_identities_per_event = 4;

std::size_t share_of(std::size_t bound, unsigned halvings) {
    return std::max<std::size_t>(bound >> std::min(halvings, 31U), 1);
}

} // namespace

status journal::maintain(std::uint32_t bytes_percent, unsigned halvings) {
    WHARF_ASSERT(group_ != nullptr);
    identity_state identities{next_.oldest_identity(), next_.identities(),
                              next_.identities_evicted_early()};
    sequence before = identities.oldest;
    WHARF_TRY(identity_.expire(*group_, identities, options_.identity, now_us_,
                               share_of(limits::k_identity_expiries_per_group_max +
                                            k_identities_per_event * appended_.size(),
                                        halvings)));
    if (identities.oldest != before) dirty_ = true;
    next_.set_oldest_identity(identities.oldest);
    next_.set_identities(identities.count);
    next_.set_identities_evicted_early(identities.evicted_early);
    WHARF_TRY(expire_sessions());
    return retain(bytes_percent, halvings);
}

bool journal::settled_everywhere(sequence number, lane in_lane) const {
    for (std::uint8_t destination : numbers_)
        if (next_low_water_.at(destination)[index_of(in_lane)] < number) return false;
    return true;
}

result<bool> journal::parked_anywhere(sequence number) {
    for (int destination = 0; destination < next_.destinations_size(); ++destination) {
        WHARF_TRY_ASSIGN(auto value, group_->get(format::parked_key(
                                         static_cast<std::uint8_t>(destination), number)));
        if (value) return true;
    }
    return false;
}

status journal::retain(std::uint32_t bytes_percent, unsigned halvings) {
    bool crowded = bytes_percent >= options_.retention_percent;
    const std::size_t deletes_max =
        share_of(limits::k_retention_deletes_per_group_max + 2 * appended_.size(), halvings);
    for (std::size_t i = 0; i < deletes_max; ++i) {
        sequence number = next_.oldest_sequence();
        if (number > next_.last_sequence()) return ok();
        std::string key = format::event_key(number);
        WHARF_TRY_ASSIGN(auto value, group_->get(key));
        if (value) {
            WHARF_TRY_ASSIGN(auto content, format::unseal(key, *value));
            WHARF_TRY_ASSIGN(auto event, format::decode_event(number, content));
            if (!settled_everywhere(number, event.head.in_lane)) return ok();
            if (!crowded && event.head.journal_time_us > now_us_ - options_.retention_us)
                return ok();
            WHARF_TRY_ASSIGN(bool parked, parked_anywhere(number));
            if (!parked) WHARF_TRY(group_->erase(key));
        }
        next_.set_oldest_sequence(number + 1);
        dirty_ = true;
    }
    return ok();
}

} // namespace wharf
