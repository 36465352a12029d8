#include "gateway/ring/ring_log.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/base/crc32c.hpp"

#include <algorithm>

namespace wharf {

namespace {

constexpr std::uint32_t k_head_magic = 0x31'67'52'57;   // "WRg1"
constexpr std::uint32_t k_record_magic = 0x72'67'52'57; // "WRgr"
constexpr std::size_t k_checked_from = 8;               // magic and checksum come before
constexpr std::size_t k_read_bytes = 1024 * 1024;
constexpr std::size_t k_read_unit = 4096;
constexpr std::size_t k_head_bytes = 32;

struct record_header {
    std::uint64_t ring_id = 0;
    std::uint64_t epoch = 0;
    std::uint64_t lap = 0;
    std::uint64_t sequence = 0;
    std::uint32_t body_bytes = 0;
};

struct record {
    record_header header;
    std::string_view body;
    std::uint64_t end = 0; // where the next record may begin
};

std::uint64_t rounded_up(std::uint64_t bytes, std::uint32_t block_bytes) {
    return (bytes + block_bytes - 1) / block_bytes * block_bytes;
}

result<std::string> read_all(log_device& from, std::uint64_t size_bytes) {
    std::string out;
    out.reserve(static_cast<std::size_t>(size_bytes));
    while (out.size() < size_bytes) {
        auto rest = static_cast<std::size_t>(size_bytes) - out.size();
        WHARF_TRY_ASSIGN(auto part, from.read(out.size(), std::min(k_read_bytes, rest)));
        out += part;
    }
    return out;
}

// The whole, undamaged record of this ring at this place.
std::optional<record> record_at(std::string_view device, std::uint64_t offset,
                                const ring_head& ring) {
    if (offset + k_record_header_bytes > device.size()) return std::nullopt;
    std::string_view from_here = device.substr(static_cast<std::size_t>(offset));
    byte_reader in(from_here.substr(0, k_record_header_bytes));
    if (in.little<std::uint32_t>() != k_record_magic) return std::nullopt;
    auto crc = in.little<std::uint32_t>();
    record out;
    out.header.ring_id = in.little<std::uint64_t>();
    if (out.header.ring_id != ring.ring_id) return std::nullopt;
    out.header.epoch = in.little<std::uint64_t>();
    out.header.lap = in.little<std::uint64_t>();
    out.header.sequence = in.little<std::uint64_t>();
    out.header.body_bytes = in.little<std::uint32_t>();
    if (out.header.body_bytes > from_here.size() - k_record_header_bytes) return std::nullopt;
    auto whole = from_here.substr(0, k_record_header_bytes + out.header.body_bytes);
    if (crc32c(whole.substr(k_checked_from)) != crc) return std::nullopt;
    out.body = whole.substr(k_record_header_bytes);
    out.end = rounded_up(offset + whole.size(), ring.block_bytes);
    return out;
}

bool holds_from(std::string_view device, const ring_head& ring, std::uint64_t epoch,
                std::uint64_t sequence) {
    for (std::uint64_t at = ring.block_bytes; at < device.size(); at += ring.block_bytes) {
        auto found = record_at(device, at, ring);
        if (!found) continue;
        if (found->header.epoch > epoch ||
            (found->header.epoch == epoch && found->header.sequence >= sequence))
            return true;
    }
    return false;
}

} // namespace

result<std::optional<ring_head>> read_head(log_device& from) {
    if (from.size_bytes() < k_read_unit) return std::optional<ring_head>{};
    WHARF_TRY_ASSIGN(const auto block, from.read(0, k_read_unit));
    WHARF_ASSERT(block.size() == k_read_unit);
    byte_reader in(std::string_view(block).substr(0, k_head_bytes));
    bool ours = in.little<std::uint32_t>() == k_head_magic;
    auto crc = in.little<std::uint32_t>();
    ring_head out;
    out.ring_id = in.little<std::uint64_t>();
    out.size_bytes = in.little<std::uint64_t>();
    out.block_bytes = in.little<std::uint32_t>();
    std::string_view checked(block.data() + k_checked_from, k_head_bytes - k_checked_from);
    if (!ours || crc32c(checked) != crc || !is_ring_geometry(out.size_bytes, out.block_bytes))
        return std::optional<ring_head>{};
    return std::optional(out);
}

result<bool> holds_records_from(log_device& device, const ring_head& head, std::uint64_t epoch,
                                std::uint64_t sequence) {
    std::uint64_t size_bytes = std::min(head.size_bytes, device.size_bytes());
    WHARF_TRY_ASSIGN(auto bytes, read_all(device, size_bytes / k_read_unit * k_read_unit));
    return holds_from(bytes, head, epoch, sequence);
}

status ring_log::format(const ring_position& position) {
    WHARF_TRY(device_.recreate(position.size_bytes));
    std::string checked;
    put_little(checked, position.ring_id);
    put_little(checked, position.size_bytes);
    put_little(checked, position.block_bytes);
    checked.resize(k_head_bytes - k_checked_from, '\0');
    std::string block;
    put_little(block, k_head_magic);
    put_little(block, crc32c(checked));
    block += checked;
    block.resize(position.block_bytes, '\0');
    return device_.write_durable(0, block);
}

result<ring_position> ring_log::replay(const ring_position& from, const group_visitor& visit) {
    WHARF_TRY_ASSIGN(auto head, read_head(device_));
    if (!head) return error{errc::corrupt, "the ring is gone, or its first block is damaged"};
    if (head->ring_id != from.ring_id || head->size_bytes != from.size_bytes ||
        head->block_bytes != from.block_bytes || device_.size_bytes() < from.size_bytes)
        return error{errc::corrupt, "the ring is not the one that belongs to this journal"};
    WHARF_TRY_ASSIGN(auto bytes, read_all(device_, from.size_bytes));
    ring_position at = from;
    auto expected_at = [&](std::uint64_t offset, std::uint64_t lap) {
        auto found = record_at(bytes, offset, *head);
        if (found && (found->header.epoch != at.epoch || found->header.sequence != at.sequence ||
                      found->header.lap != lap))
            found.reset();
        return found;
    };
    while (true) {
        auto found = expected_at(at.offset, at.lap);
        if (!found) found = expected_at(at.block_bytes, at.lap + 1);
        if (!found) break;
        WHARF_TRY(visit(at.sequence, found->body));
        at.offset = found->end;
        at.lap = found->header.lap;
        ++at.sequence;
    }
    // Only the last write can be torn. A group behind a gap means that an earlier one was lost.
    if (holds_from(bytes, *head, at.epoch, at.sequence))
        return error{errc::corrupt, "the ring is damaged: group " + std::to_string(at.sequence) +
                                        " cannot be read, but later ones are there"};
    return at;
}

void ring_log::start(const ring_position& position) {
    position_ = position;
    used_bytes_ = 0;
}

std::uint64_t ring_log::record_bytes(std::size_t body_bytes) const {
    return rounded_up(k_record_header_bytes + std::uint64_t{body_bytes}, position_.block_bytes);
}

bool ring_log::fits(std::size_t body_bytes) const {
    std::uint64_t needed = record_bytes(body_bytes);
    std::uint64_t rest = position_.size_bytes - position_.offset;
    if (needed > rest) needed += rest;
    return used_bytes_ + needed <= capacity_bytes();
}

std::string ring_log::begin_record(std::size_t body_bytes) {
    std::string record;
    record.reserve(k_record_header_bytes + body_bytes + 4096);
    record.resize(k_record_header_bytes, '\0');
    return record;
}

status ring_log::append(std::string record) {
    std::size_t body_bytes = record.size() - k_record_header_bytes;
    WHARF_ASSERT(fits(body_bytes));
    std::uint64_t bytes = record_bytes(body_bytes);
    if (bytes > position_.size_bytes - position_.offset) {
        used_bytes_ += position_.size_bytes - position_.offset;
        position_.offset = position_.block_bytes;
        ++position_.lap;
    }
    std::string header;
    for (std::uint64_t field :
         {position_.ring_id, position_.epoch, position_.lap, position_.sequence})
        put_little(header, field);
    put_little(header, static_cast<std::uint32_t>(body_bytes));
    header.resize(k_record_header_bytes - k_checked_from, '\0');
    record.replace(k_checked_from, header.size(), header);
    std::string front;
    put_little(front, k_record_magic);
    put_little(front, crc32c(std::string_view(record).substr(k_checked_from)));
    record.replace(0, front.size(), front);
    record.resize(static_cast<std::size_t>(bytes), '\0');
    WHARF_TRY(device_.write_durable(position_.offset, record));
    position_.offset += bytes;
    used_bytes_ += bytes;
    ++position_.sequence;
    return ok();
}

} // namespace wharf
