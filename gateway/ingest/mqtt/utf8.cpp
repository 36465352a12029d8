#include "gateway/ingest/mqtt/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace wharf::mqtt {
namespace {

// True where all eight bytes are 0x01 to 0x7f: nearly every topic is.
bool plain_ascii(const char* data) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, data, sizeof word);
    constexpr std::uint64_t k_ones = 0x0101010101010101ull;
    constexpr std::uint64_t k_high = 0x8080808080808080ull;
    return ((word | (word - k_ones)) & k_high) == 0;
}

// The length of the well-formed sequence at the front (Unicode 15, table 3-7), or 0.
std::size_t sequence_bytes(std::string_view text) noexcept {
    auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    auto within = [&](std::size_t i, unsigned low, unsigned high) {
        return at(i) >= low && at(i) <= high;
    };
    const unsigned lead = at(0);
    if (lead < 0x80) return lead == 0 ? 0 : 1;
    if (lead < 0xc2 || lead > 0xf4) return 0;
    if (lead < 0xe0) return text.size() >= 2 && within(1, 0x80, 0xbf) ? 2 : 0;
    if (lead < 0xf0) {
        const unsigned low = lead == 0xe0 ? 0xa0 : 0x80;
        const unsigned high = lead == 0xed ? 0x9f : 0xbf; // above are the surrogates
        return text.size() >= 3 && within(1, low, high) && within(2, 0x80, 0xbf) ? 3 : 0;
    }
    const unsigned low = lead == 0xf0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xf4 ? 0x8f : 0xbf; // above is past U+10FFFF
    return text.size() >= 4 && within(1, low, high) && within(2, 0x80, 0xbf) &&
                   within(3, 0x80, 0xbf)
               ? 4
               : 0;
}

} // namespace

bool is_mqtt_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        if (text.size() >= 8 && plain_ascii(text.data())) {
            text.remove_prefix(8);
            continue;
        }
        const std::size_t bytes = sequence_bytes(text);
        if (bytes == 0) return false;
        text.remove_prefix(bytes);
    }
    return true;
}

} // namespace wharf::mqtt
