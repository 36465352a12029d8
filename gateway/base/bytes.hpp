// Byte strings are std::string and std::string_view throughout. Integers in keys are big-endian, so
// that byte order is numeric order; integers in values are little-endian. Any thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace wharf {

template <class T> constexpr T byte_swapped(T value) noexcept {
    static_assert(std::is_unsigned_v<T>);
    T out = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        out = static_cast<T>((out << 8) | (value & 0xff));
        if constexpr (sizeof(T) > 1) value = static_cast<T>(value >> 8);
    }
    return out;
}

template <class T> constexpr T to_big(T value) noexcept {
    return std::endian::native == std::endian::big ? value : byte_swapped(value);
}
template <class T> constexpr T to_little(T value) noexcept {
    return std::endian::native == std::endian::little ? value : byte_swapped(value);
}

template <class T> void put_big(std::string& out, T value) {
    value = to_big(value);
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <class T> void put_little(std::string& out, T value) {
    value = to_little(value);
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// REQUIRES: at least sizeof(T) bytes at data.
template <class T> T get_big(const char* data) noexcept {
    T value;
    std::memcpy(&value, data, sizeof value);
    return to_big(value);
}
template <class T> T get_little(const char* data) noexcept {
    T value;
    std::memcpy(&value, data, sizeof value);
    return to_little(value);
}

// Reads a value from front to back. Running past the end is remembered, never read: check ok() once
// at the end; what was read after the first failure is zero or empty.
class byte_reader {
  public:
    explicit byte_reader(std::string_view data) noexcept : rest_(data) {}

    template <class T> T little() noexcept {
        if (rest_.size() < sizeof(T)) return fail(), T{};
        T value = get_little<T>(rest_.data());
        rest_.remove_prefix(sizeof(T));
        return value;
    }
    template <class T> T big() noexcept {
        if (rest_.size() < sizeof(T)) return fail(), T{};
        T value = get_big<T>(rest_.data());
        rest_.remove_prefix(sizeof(T));
        return value;
    }
    std::string_view take(std::size_t size) noexcept {
        if (rest_.size() < size) return fail(), std::string_view{};
        auto out = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return out;
    }
    // A string with its 16-bit little-endian length in front.
    std::string_view short_string() noexcept { return take(little<std::uint16_t>()); }

    [[nodiscard]] std::string_view rest() const noexcept { return rest_; }
    [[nodiscard]] bool ok() const noexcept { return ok_; }
    [[nodiscard]] bool done() const noexcept { return ok_ && rest_.empty(); }

  private:
    void fail() noexcept {
        ok_ = false;
        rest_ = {};
    }
    std::string_view rest_;
    bool ok_ = true;
};

// REQUIRES: text.size() < 65536.
inline void put_short_string(std::string& out, std::string_view text) {
    put_little<std::uint16_t>(out, static_cast<std::uint16_t>(text.size()));
    out.append(text);
}

[[nodiscard]] std::string to_hex(std::string_view bytes);
// Nothing where the text is not pairs of hexadecimal digits.
[[nodiscard]] std::optional<std::string> from_hex(std::string_view text);

} // namespace wharf
