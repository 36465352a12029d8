// The undo log of the lost-writes layer: what a file looked like before each write that no sync has
// covered yet. The layer (lost_writes.cpp, inside the program under test) appends to it under its
// lock; lost_writes_cut.cpp reads it when that program is dead. One log per inode, named by it, so
// that a renamed file keeps its log.
//
// A log is a run of records. A record that ends early at the end of the log belongs to a write that
// never began (the record comes first) and is dropped; anything else that does not check out means
// that the rig itself is broken, and reading fails.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace chaos {

enum class undo_kind : std::uint32_t {
    // `length` bytes at `offset` were about to be overwritten; `bytes` is what was there, shorter
    // than `length` where the file ended.
    write = 1,
    // The size was about to change from `old_size`; `bytes` is what is cut off from `offset` on.
    resize = 2,
    // `length` bytes at `offset` have become durable by themselves: older records must not touch
    // them.
    durable = 3,
};

struct undo_header {
    std::uint32_t magic;
    std::uint32_t crc;
    std::uint32_t kind;
    std::uint32_t bytes;
    std::uint64_t number;
    std::uint64_t offset;
    std::uint64_t length;
    std::uint64_t old_size;
};
static_assert(sizeof(undo_header) == 48);

inline constexpr std::uint32_t k_undo_magic = 0x574c4f31;
// More than one write(2) can carry: a larger figure is a broken log.
inline constexpr std::uint32_t k_undo_bytes_max = 0x7fffffff;

struct undo_record {
    undo_kind kind = undo_kind::write;
    std::uint64_t number = 0;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint64_t old_size = 0;
    std::string bytes;
};

// CRC-32 (IEEE), the rig's own: a fault in the product's checksums must not hide in its witness.
inline std::uint32_t undo_crc(const void* data, std::size_t size, std::uint32_t seed) {
    static const auto table = [] {
        std::array<std::uint32_t, 256> made{};
        for (std::uint32_t i = 0; i < 256; ++i) {
            std::uint32_t value = i;
            for (int bit = 0; bit < 8; ++bit) {
                value = (value & 1U) != 0 ? 0xedb88320U ^ (value >> 1U) : value >> 1U;
            }
            made[i] = value;
        }
        return made;
    }();
    std::uint32_t crc = ~seed;
    const auto* at = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; ++i)
        crc = table[(crc ^ at[i]) & 0xffU] ^ (crc >> 8U);
    return ~crc;
}

inline std::uint32_t crc_of(undo_header header, const std::string& bytes) {
    header.crc = 0;
    return undo_crc(bytes.data(), bytes.size(), undo_crc(&header, sizeof header, 0));
}

inline std::string encode(const undo_record& record) {
    undo_header header{k_undo_magic,
                       0,
                       static_cast<std::uint32_t>(record.kind),
                       static_cast<std::uint32_t>(record.bytes.size()),
                       record.number,
                       record.offset,
                       record.length,
                       record.old_size};
    header.crc = crc_of(header, record.bytes);
    std::string out(reinterpret_cast<const char*>(&header), sizeof header);
    return out + record.bytes;
}

struct undo_log {
    std::vector<undo_record> records;
    // Where the last whole record ends.
    std::size_t end = 0;
};

// Empty where the log is broken; `why` then says how.
inline std::optional<undo_log> decode(const std::string& data, std::string& why) {
    undo_log log;
    while (data.size() - log.end >= sizeof(undo_header)) {
        undo_header header{};
        std::memcpy(&header, data.data() + log.end, sizeof header);
        const std::string at = " in the record at byte " + std::to_string(log.end);
        if (header.magic != k_undo_magic || header.kind < 1 || header.kind > 3 ||
            header.bytes > k_undo_bytes_max) {
            why = "no undo record" + at;
            return std::nullopt;
        }
        if (data.size() - log.end - sizeof header < header.bytes) break;
        undo_record record{static_cast<undo_kind>(header.kind),
                           header.number,
                           header.offset,
                           header.length,
                           header.old_size,
                           data.substr(log.end + sizeof header, header.bytes)};
        if (crc_of(header, record.bytes) != header.crc) {
            why = "wrong checksum" + at;
            return std::nullopt;
        }
        if (!log.records.empty() && record.number != log.records.back().number + 1) {
            why = "a record is missing before the one at byte " + std::to_string(log.end);
            return std::nullopt;
        }
        log.end += sizeof header + header.bytes;
        log.records.push_back(std::move(record));
    }
    return log;
}

} // namespace chaos
