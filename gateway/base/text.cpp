#include "gateway/base/text.hpp"

#include <cstdint>

namespace wharf {

namespace {

// The code point of a well-formed character of `bytes` bytes, or nothing that may be shown.
std::uint32_t code_point(std::string_view text, std::size_t bytes) noexcept {
    constexpr std::uint32_t k_malformed = 0;
    auto lead = static_cast<unsigned char>(text.front());
    std::uint32_t code = lead & (0xffu >> (bytes + 1));
    for (std::size_t i = 1; i < bytes; ++i) {
        auto byte = static_cast<unsigned char>(text[i]);
        if ((byte & 0xc0) != 0x80) return k_malformed;
        code = (code << 6) | (byte & 0x3f);
    }
    constexpr std::uint32_t k_least[] = {0, 0, 0x80, 0x800, 0x10000};
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < k_least[bytes] || code > 0x10ffff || surrogate ? k_malformed : code;
}

bool may_be_shown(std::uint32_t code) noexcept {
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false;
    if (code >= 0x2028 && code <= 0x202e) return false;
    if (code >= 0x2066 && code <= 0x2069) return false;
    return code != 0x200e && code != 0x200f && code != 0x061c && code != 0xfeff;
}

} // namespace

text_unit next_unit(std::string_view text) noexcept {
    auto lead = static_cast<unsigned char>(text.front());
    if (lead < 0x80) return {1, may_be_shown(lead)};
    std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {1, false};
    std::uint32_t code = code_point(text, bytes);
    if (code == 0) return {1, false};
    return {bytes, may_be_shown(code)};
}

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        text_unit unit = next_unit(text);
        if (unit.shown)
            out.append(text.substr(0, unit.bytes));
        else
            out.push_back('?');
        text.remove_prefix(unit.bytes);
    }
    return out;
}

} // namespace wharf
