#include "gateway/codec/base64.hpp"

#include <cstdint>

namespace wharf {

namespace {

constexpr std::string_view k_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

} // namespace

void append_base64(std::string_view bytes, std::string& out) {
    while (!bytes.empty()) {
        const auto taken = bytes.substr(0, 3);
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 3; ++i)
            group = group << 8 | (i < taken.size() ? static_cast<unsigned char>(taken[i]) : 0u);
        for (std::size_t i = 0; i < 4; ++i)
            out.push_back(i <= taken.size() ? k_alphabet[group >> (18 - 6 * i) & 63] : '=');
        bytes.remove_prefix(taken.size());
    }
}

std::optional<std::string> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::string out;
    out.reserve(text.size() / 4 * 3);
    for (; !text.empty(); text.remove_prefix(4)) {
        std::size_t padding = 0;
        if (text.size() == 4) padding = text[3] != '=' ? 0 : text[2] != '=' ? 1 : 2;
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 4 - padding; ++i) {
            const auto digit = k_alphabet.find(text[i]);
            if (digit == std::string_view::npos) return std::nullopt;
            group |= static_cast<std::uint32_t>(digit) << (18 - 6 * i);
        }
        // Bits that stand for no byte must be zero, else two texts would mean the same bytes.
        if ((group & ((1u << (8 * padding)) - 1)) != 0) return std::nullopt;
        for (std::size_t i = 0; i < 3 - padding; ++i)
            out.push_back(static_cast<char>(group >> (16 - 8 * i) & 0xff));
    }
    return out;
}

} // namespace wharf
