// Reading the journal: delivery, wharfctl and recovery. Each call is one short read transaction and
// says where to go on, so that no reader pins pages. Any thread; not thread-safe per object.
#pragma once

#include "gateway/journal/requests.hpp"
#include "gateway/ports/store.hpp"
#include "wharf/v1/raw.pb.h"

#include <functional>
#include <string>
#include <vector>

namespace wharf {

struct head_page {
    std::vector<event_head> heads;       // of the lane asked for, in sequence
    sequence scanned_to = k_no_sequence; // everything up to here was looked at
    bool at_end = false;                 // there was nothing behind scanned_to
};

struct stored_record {
    event_head head;
    wharf::v1::StoredEvent event;
};

// The same, the event itself unread: to be handed on.
struct raw_record {
    event_head head;
    wharf::v1::RawStoredEvent event;
};

// A destination's state as it was last committed.
struct delivery_state {
    std::array<sequence, k_lane_count> low_water{};
    std::array<std::vector<sequence>, k_lane_count> marks; // above the low-water mark, rising
    std::vector<seal_batch> open_batches;                  // in order of their numbers
};

// The front of what is parked under one ordering key.
struct parked_key {
    std::uint64_t key_hash = 0;
    sequence first = k_no_sequence;
};

class journal_view {
  public:
    // REQUIRES: the store outlives the view.
    explicit journal_view(store& from) : store_(&from) {}

    // The heads of a lane's events with numbers > after: at most heads_max of them, looking at no
    // more than scan_max events.
    result<head_page> heads(lane in_lane, sequence after, std::size_t heads_max,
                            std::size_t scan_max) const;
    // The same for every lane: at most scan_max of them.
    result<head_page> heads_of_all(sequence after, std::size_t scan_max) const;
    // errc::not_found where retention has taken it or it never was.
    result<event_head> head(sequence number) const;
    result<stored_record> event(sequence number) const;
    result<std::vector<raw_record>> events(const std::vector<sequence>& numbers) const;

    result<delivery_state> delivery(std::uint8_t destination) const;
    result<std::optional<wharf::v1::ParkedUpdate>> parked(std::uint8_t destination,
                                                          sequence number) const;
    // Ordering keys under which something is parked, from key_hash on, each with its first update;
    // at most count_max.
    result<std::vector<parked_key>>
    parked_keys(std::uint8_t destination, std::uint64_t from_key_hash, std::size_t count_max) const;
    // The first parked update under this key with a number > after, where there is one.
    result<std::optional<sequence>> first_parked(std::uint8_t destination, std::uint64_t key_hash,
                                                 sequence after = k_no_sequence) const;

  private:
    store* store_;
};

} // namespace wharf
