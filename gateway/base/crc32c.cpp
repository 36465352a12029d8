#include "gateway/base/crc32c.hpp"

#include "gateway/base/bytes.hpp"

#include <array>

namespace wharf {

namespace {

using tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr tables make_tables() {
    tables out{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
        out[0][i] = crc;
    }
    for (std::uint32_t i = 0; i < 256; ++i)
        for (std::size_t t = 1; t < 8; ++t)
            out[t][i] = (out[t - 1][i] >> 8) ^ out[0][out[t - 1][i] & 0xff];
    return out;
}

constexpr tables k_tables = make_tables();

// Eight bytes a step ("slicing by 8"): about 1.5 GB/s without special instructions.
std::uint32_t by_table(std::string_view bytes, std::uint32_t previous) noexcept {
    const auto& t = k_tables;
    std::uint32_t crc = ~previous;
    const char* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) {
        std::uint32_t low = get_little<std::uint32_t>(at) ^ crc;
        std::uint32_t high = get_little<std::uint32_t>(at + 4);
        crc = t[7][low & 0xff] ^ t[6][(low >> 8) & 0xff] ^ t[5][(low >> 16) & 0xff] ^
              t[4][low >> 24] ^ t[3][high & 0xff] ^ t[2][(high >> 8) & 0xff] ^
              t[1][(high >> 16) & 0xff] ^ t[0][high >> 24];
    }
    for (; left > 0; ++at, --left)
        crc = (crc >> 8) ^ t[0][(crc ^ static_cast<unsigned char>(*at)) & 0xff];
    return ~crc;
}

// The instruction, where the machine has it: one path for each, chosen once.
#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t step(std::uint32_t crc, std::uint64_t word) {
    return static_cast<std::uint32_t>(__builtin_ia32_crc32di(crc, word));
}
__attribute__((target("sse4.2"))) std::uint32_t step(std::uint32_t crc, std::uint8_t byte) {
    return __builtin_ia32_crc32qi(crc, byte);
}
#define WHARF_CRC_TARGET __attribute__((target("sse4.2")))
bool has_instruction() {
    return __builtin_cpu_supports("sse4.2") != 0;
}
#elif defined(__ARM_FEATURE_CRC32) && defined(__aarch64__)
// Where the build is for machines that have it: cross/ says so for arm64.
std::uint32_t step(std::uint32_t crc, std::uint64_t word) {
    return __builtin_aarch64_crc32cx(crc, word);
}
std::uint32_t step(std::uint32_t crc, std::uint8_t byte) {
    return __builtin_aarch64_crc32cb(crc, byte);
}
#define WHARF_CRC_TARGET
bool has_instruction() {
    return true;
}
#endif

#if defined(WHARF_CRC_TARGET)
WHARF_CRC_TARGET std::uint32_t by_instruction(std::string_view bytes,
                                              std::uint32_t previous) noexcept {
    std::uint32_t crc = ~previous;
    const char* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8)
        crc = step(crc, get_little<std::uint64_t>(at));
    for (; left > 0; ++at, --left)
        crc = step(crc, static_cast<std::uint8_t>(*at));
    return ~crc;
}
#endif

} // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t previous) noexcept {
#if defined(WHARF_CRC_TARGET)
    static const bool by_hardware = has_instruction();
    if (by_hardware) return by_instruction(bytes, previous);
#endif
    return by_table(bytes, previous);
}

std::uint32_t crc32c_by_table(std::string_view bytes, std::uint32_t previous) noexcept {
    return by_table(bytes, previous);
}

} // namespace wharf
