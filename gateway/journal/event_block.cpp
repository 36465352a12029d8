#include "gateway/journal/event_block.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/base/crc32c.hpp"
#include "gateway/base/frame.hpp"
#include "gateway/ports/store.hpp"

#include <algorithm>
#include <cstring>

namespace wharf {

namespace {

// The value: CRC-32C of key, header and index u32; header: count u32, journal time i64, for each
// lane 1 + offset of its last event u32 or 0; index: for each event offset of its sequence u32, end
// of its record u32, CRC-32C of sequence and record u32; records.
constexpr std::size_t k_header_bytes = 4 + 4 + 8 + 4 * k_lane_count;
constexpr std::size_t k_index_bytes_each = 12;

std::uint32_t record_checksum(sequence number, std::string_view record) {
    const std::uint64_t little = to_little(number);
    return crc32c(record, crc32c({reinterpret_cast<const char*>(&little), sizeof little}));
}

std::uint32_t front_checksum(std::string_view key, std::string_view front) {
    return crc32c(front.substr(sizeof(std::uint32_t)), crc32c(key));
}

error damaged(sequence number) {
    return error{errc::corrupt,
                 "event " + std::to_string(number) + ": the checksum does not match"};
}

} // namespace

void event_block_builder::add(const event_head& head, std::string_view stored) {
    const std::size_t begin = records_.size();
    format::encode_event(head, stored, records_);
    add_index(head.number, head.in_lane, head.journal_time_us, begin);
}

void event_block_builder::add(sequence number, lane in_lane, std::int64_t journal_time_us,
                              std::string_view record) {
    const std::size_t begin = records_.size();
    records_.append(record);
    add_index(number, in_lane, journal_time_us, begin);
}

void event_block_builder::add_index(sequence number, lane in_lane, std::int64_t journal_time_us,
                                    std::size_t begin) {
    if (count_ == 0) {
        first_ = number;
        journal_time_us_ = journal_time_us;
    }
    WHARF_ASSERT(journal_time_us == journal_time_us_ && number >= first_ + count_);
    const auto offset = static_cast<std::uint32_t>(number - first_);
    const auto record = std::string_view(records_).substr(begin);
    put_little(index_, offset);
    put_little(index_, static_cast<std::uint32_t>(records_.size()));
    put_little(index_, record_checksum(number, record));
    last_of_lane_[index_of(in_lane)] = offset + 1;
    ++count_;
}

void event_block_builder::clear() {
    count_ = 0;
    last_of_lane_ = {};
    index_.clear();
    records_.clear();
}

std::string event_block_builder::front() const {
    WHARF_ASSERT(count_ > 0);
    std::string out;
    out.reserve(k_header_bytes + index_.size());
    put_little(out, std::uint32_t{0});
    put_little(out, count_);
    put_little(out, static_cast<std::uint64_t>(journal_time_us_));
    for (std::uint32_t last : last_of_lane_)
        put_little(out, last);
    out.append(index_);
    const std::uint32_t crc = to_little(front_checksum(key(), out));
    std::memcpy(out.data(), &crc, sizeof crc);
    return out;
}

result<event_block> event_block::read(std::string_view key, std::string_view value) {
    byte_reader name(key);
    (void)name.take(1);
    event_block out;
    out.first_ = name.big<sequence>();
    byte_reader reader(value);
    const auto crc = reader.little<std::uint32_t>();
    out.count_ = reader.little<std::uint32_t>();
    out.journal_time_us_ = static_cast<std::int64_t>(reader.little<std::uint64_t>());
    for (std::uint32_t& last : out.last_of_lane_)
        last = reader.little<std::uint32_t>();
    const bool counted =
        reader.ok() && out.count_ > 0 && out.count_ <= reader.rest().size() / k_index_bytes_each;
    if (counted) out.index_ = reader.take(out.count_ * k_index_bytes_each);
    out.records_ = reader.rest();
    const auto front = value.substr(0, std::min(value.size(), k_header_bytes + out.index_.size()));
    if (!name.done() || !counted || front_checksum(key, front) != crc ||
        out.begin_of(out.count_) != out.records_.size())
        return error{errc::corrupt, format::describe_key(key) + ": the checksum does not match"};
    return out;
}

sequence event_block::last_of(lane in_lane) const {
    const std::uint32_t last = last_of_lane_[index_of(in_lane)];
    return last == 0 ? k_no_sequence : first_ + last - 1;
}

sequence event_block::number(std::size_t index) const {
    return first_ + get_little<std::uint32_t>(index_.data() + index * k_index_bytes_each);
}

std::size_t event_block::begin_of(std::size_t index) const {
    if (index == 0) return 0;
    return get_little<std::uint32_t>(index_.data() + (index - 1) * k_index_bytes_each + 4);
}

std::size_t event_block::find(sequence wanted) const {
    if (wanted <= first_) return 0;
    // Where nothing was taken out the place is the offset.
    std::size_t low = 0;
    auto high = static_cast<std::size_t>(std::min<std::uint64_t>(wanted - first_, count_));
    if (high < count_ && number(high) == wanted) return high;
    while (low < high) {
        const std::size_t middle = (low + high) / 2;
        if (number(middle) < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

lane event_block::lane_of(std::size_t index) const {
    const std::size_t begin = begin_of(index);
    const auto in_lane = begin < records_.size() ? static_cast<std::uint8_t>(records_[begin]) : 0;
    return static_cast<lane>(in_lane % k_lane_count);
}

result<std::string_view> event_block::record(std::size_t index) const {
    const std::size_t begin = begin_of(index);
    const std::size_t end = begin_of(index + 1);
    const auto crc = get_little<std::uint32_t>(index_.data() + index * k_index_bytes_each + 8);
    if (begin > end || end > records_.size()) return damaged(number(index));
    const auto record = records_.substr(begin, end - begin);
    if (record_checksum(number(index), record) != crc) return damaged(number(index));
    return record;
}

result<format::event_content> event_block::event(std::size_t index) const {
    WHARF_TRY_ASSIGN(auto bytes, record(index));
    WHARF_TRY_ASSIGN(auto out, format::decode_event(number(index), bytes));
    out.head.journal_time_us = journal_time_us_;
    return out;
}

status visit_blocks(store_reader& in, sequence from, const block_visitor& visit) {
    status outcome = ok();
    std::string start = format::event_key(from);
    // The block that begins at or before it may hold it.
    WHARF_TRY(in.scan_back(format::event_key(from + 1), [&](auto key, auto) {
        if (key.front() == format::k_event) start = key;
        return false;
    }));
    WHARF_TRY(in.scan(start, [&](std::string_view key, std::string_view value) {
        if (key.front() != format::k_event) return false;
        in.will_read(value);
        auto block = event_block::read(key, value);
        if (!block.ok()) {
            outcome = std::move(block).failure();
            return false;
        }
        if (block->last() < from) return true;
        auto further = visit(key, *block);
        if (!further.ok()) outcome = std::move(further).failure();
        return further.ok() && *further;
    }));
    return outcome;
}

result<std::optional<format::event_content>> event_finder::find(sequence number) {
    if (!block_ || number < block_->first() || number > block_->last()) {
        block_.reset();
        WHARF_TRY(visit_blocks(in_, number, [&](auto, const event_block& block) -> result<bool> {
            if (block.first() <= number) block_ = block;
            return false;
        }));
    }
    std::optional<format::event_content> out;
    if (!block_) return out;
    const std::size_t index = block_->find(number);
    if (index == block_->size() || block_->number(index) != number) return out;
    WHARF_TRY_ASSIGN(out, block_->event(index));
    return out;
}

} // namespace wharf
