// A block: the events of one group (or a part of a large one) as one value of the store, so that an
// append costs the same for one event and for a thousand. docs/formats/journal.md has the bytes.
// Pure; any thread; errc::corrupt where bytes are not what they should be.
#pragma once

#include "gateway/journal/format.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace wharf {

class store_reader;

// Collects events of rising sequence.
class event_block_builder {
  public:
    // head.journal_time_us is that of the block: the same for every event of it.
    void add(const event_head& head, std::string_view stored);
    // A record as it is: from another block.
    void add(sequence number, lane in_lane, std::int64_t journal_time_us, std::string_view record);
    void clear();

    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] std::size_t bytes() const { return index_.size() + records_.size(); }
    // Under which it belongs. REQUIRES: not empty.
    [[nodiscard]] std::string key() const { return format::event_key(first_); }
    // The value in two pieces: what stands before the records, and these.
    [[nodiscard]] std::string front() const;
    [[nodiscard]] std::string_view records() const { return records_; }
    [[nodiscard]] std::string value() const { return front() + records_; }

  private:
    void add_index(sequence number, lane in_lane, std::int64_t journal_time_us, std::size_t begin);

    sequence first_ = k_no_sequence;
    std::uint32_t count_ = 0;
    std::int64_t journal_time_us_ = 0;
    std::array<std::uint32_t, k_lane_count> last_of_lane_{};
    std::string index_;
    std::string records_;
};

// A view of a block's value. It does not own the bytes.
class event_block {
  public:
    // Checks header and index.
    static result<event_block> read(std::string_view key, std::string_view value);

    [[nodiscard]] sequence first() const { return first_; }
    [[nodiscard]] sequence last() const { return number(count_ - 1); }
    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] std::int64_t journal_time_us() const { return journal_time_us_; }
    // The last event in this lane; k_no_sequence where there is none.
    [[nodiscard]] sequence last_of(lane in_lane) const;

    // REQUIRES, here and below: index < size().
    [[nodiscard]] sequence number(std::size_t index) const;
    // The place of the first event with a number >= this one; size() where there is none.
    [[nodiscard]] std::size_t find(sequence number) const;
    // The lane, unchecked: to pass by what is not looked for.
    [[nodiscard]] lane lane_of(std::size_t index) const;
    [[nodiscard]] result<std::string_view> record(std::size_t index) const;
    [[nodiscard]] result<format::event_content> event(std::size_t index) const;

  private:
    [[nodiscard]] std::size_t begin_of(std::size_t index) const;

    sequence first_ = k_no_sequence;
    std::size_t count_ = 0;
    std::int64_t journal_time_us_ = 0;
    std::array<std::uint32_t, k_lane_count> last_of_lane_{};
    std::string_view index_;
    std::string_view records_;
};

// Visits the blocks that hold events with numbers >= from, in order, until the visitor says false
// or fails. The block is valid during the call.
using block_visitor = std::function<result<bool>(std::string_view key, const event_block& block)>;
status visit_blocks(store_reader& in, sequence from, const block_visitor& visit);

// Finds events one after the other; cheap where the next one is in the same block. The reader's
// transaction has to last as long as what was found is used.
class event_finder {
  public:
    explicit event_finder(store_reader& in) : in_(in) {}
    // Nothing where it is not in the journal.
    result<std::optional<format::event_content>> find(sequence number);

  private:
    store_reader& in_;
    std::optional<event_block> block_;
};

} // namespace wharf
