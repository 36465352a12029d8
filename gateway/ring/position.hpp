// Where the ring stands, as the store below it knows: the record that goes into that store with
// every transaction, so that what is in the ring behind it is exactly what is not yet below.
// Pure functions; any thread.
#pragma once

#include "gateway/ports/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wharf {

// Before all of the journal's keys, and hidden from it.
inline constexpr std::string_view k_ring_position_key = "@";

struct ring_position {
    // Nothing follows in the ring, and nothing will until a position that is not closed is durable.
    bool closed = true;
    std::uint64_t ring_id = 0; // of the ring file, drawn when it is made
    std::uint64_t size_bytes = 0;
    std::uint32_t block_bytes = 0;
    std::uint64_t epoch = 0;    // of this start: one more than that of the last
    std::uint64_t lap = 0;      // how often the ring was begun from the front
    std::uint64_t offset = 0;   // where the next record goes
    std::uint64_t sequence = 0; // the number of the next group, in the ring or past it

    friend bool operator==(const ring_position&, const ring_position&) = default;
};

// With its checksum, as the value under k_ring_position_key.
[[nodiscard]] std::string encode(const ring_position& position);
[[nodiscard]] result<ring_position> decode_position(std::string_view value);

// Nothing where there was never a ring.
[[nodiscard]] result<std::optional<ring_position>> read_position(store_reader& from);

} // namespace wharf
