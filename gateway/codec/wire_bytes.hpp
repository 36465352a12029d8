// Protobuf's encoding of single fields, read and written. Any thread.
#pragma once

#include "gateway/base/assert.hpp"

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

// Writes backwards, so that a length is known when its turn comes. The last field first.
class back_writer {
  public:
    // REQUIRES: the memory outlives the writer, and is large enough for what is written.
    back_writer(char* begin, std::size_t size) : begin_(begin), at_(begin + size), end_(at_) {}

    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(end_ - at_); }
    // What was written since the size was so.
    [[nodiscard]] std::string_view since(std::size_t size) const {
        return {at_, this->size() - size};
    }

    void bytes(std::string_view text) {
        if (text.empty()) return;
        take(text.size());
        std::memcpy(at_, text.data(), text.size());
    }
    void varint(std::uint64_t value) {
        if (value < 0x80) {
            take(1);
            *at_ = static_cast<char>(value);
            return;
        }
        take(varint_bytes(value));
        char* out = at_;
        for (; value >= 0x80; value >>= 7)
            *out++ = static_cast<char>(value | 0x80);
        *out = static_cast<char>(value);
    }
    void number(std::size_t field, std::uint64_t value) {
        varint(value);
        varint((field << 3) | k_varint);
    }
    // What stands before so many bytes that were just written.
    void head(std::size_t field, std::size_t size) {
        varint(size);
        varint((field << 3) | k_delimited);
    }
    void text(std::size_t field, std::string_view value) {
        bytes(value);
        head(field, value.size());
    }

  private:
    void take(std::size_t size) {
        WHARF_ASSERT(static_cast<std::size_t>(at_ - begin_) >= size);
        at_ -= size;
    }
    char* begin_;
    char* at_;
    char* end_;
};

} // namespace wharf::wire
