// The names under which the ERP knows what it gets. Any thread; cannot fail.
#pragma once

#include "gateway/journal/requests.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace wharf {

struct batch_item {
    sequence number = k_no_sequence;
    std::uint32_t revision = 0;

    friend auto operator<=>(const batch_item&, const batch_item&) = default;
};

// <gateway>-<epoch, 8 hex digits>-<sequence, 20 digits>-<revision>: from the event's name alone, so
// that it is the same in every batch, retry and replay.
[[nodiscard]] std::string idempotency_key(std::string_view gateway, std::uint32_t epoch,
                                          const batch_item& item);

// <gateway>-<epoch, 8 hex digits>-b<number, 20 digits>.
[[nodiscard]] std::string batch_id(std::string_view gateway, std::uint32_t epoch,
                                   batch_number batch);

// A batch's number is a hash of what is in it. So no counter has to survive a restart: another
// composition has another number, and the same composition formed again is the same batch. (Items
// carry keys of their own; the number names the composition, it does not protect from repetition.)
// The salt tells two apart in the event of a collision among open batches.
[[nodiscard]] batch_number number_of(const std::vector<batch_item>& items,
                                     std::uint32_t mapping_revision, std::uint32_t salt);

} // namespace wharf
