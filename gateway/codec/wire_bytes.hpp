// Protobuf's encoding of single fields. Writers write to memory that is large enough and return
// where they stopped. Any thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace wharf::wire {

inline constexpr std::uint32_t k_varint = 0;
inline constexpr std::uint32_t k_delimited = 2;

[[nodiscard]] inline std::size_t varint_bytes(std::uint64_t value) noexcept {
    return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

inline char* put_varint(char* out, std::uint64_t value) noexcept {
    for (; value >= 0x80; value >>= 7)
        *out++ = static_cast<char>(value | 0x80);
    *out++ = static_cast<char>(value);
    return out;
}

// At least one byte. False: it does not end where it should, or has more than 64 bits.
[[nodiscard]] inline bool take_varint(const char*& at, const char* end,
                                      std::uint64_t& out) noexcept {
    if (at == end) return false;
    auto byte = static_cast<unsigned char>(*at++);
    out = byte & 0x7fu;
    for (unsigned shift = 7; byte >= 0x80; shift += 7) {
        if (shift > 63 || at == end) return false;
        byte = static_cast<unsigned char>(*at++);
        if (shift == 63 && byte > 1) return false;
        out |= std::uint64_t{byte & 0x7fu} << shift;
    }
    return true;
}

// REQUIRES, here and below: field < 2048.
[[nodiscard]] constexpr std::size_t tag_bytes(std::size_t field) noexcept {
    return field < 16 ? 1 : 2;
}
[[nodiscard]] inline std::size_t delimited_bytes(std::size_t field, std::size_t size) noexcept {
    return tag_bytes(field) + varint_bytes(size) + size;
}

inline char* put_number(char* out, std::size_t field, std::uint64_t value) noexcept {
    return put_varint(put_varint(out, (field << 3) | k_varint), value);
}
// What stands before `size` bytes.
inline char* put_head(char* out, std::size_t field, std::size_t size) noexcept {
    return put_varint(put_varint(out, (field << 3) | k_delimited), size);
}
inline char* put_text(char* out, std::size_t field, std::string_view text) noexcept {
    out = put_head(out, field, text.size());
    if (!text.empty()) std::memcpy(out, text.data(), text.size());
    return out + text.size();
}

} // namespace wharf::wire
