#include "sync/delivery/text.hpp"

namespace wharf {

namespace {

// Length of the well-formed sequence at the front (Unicode 15, table 3-7); 0 where there is none.
std::size_t well_formed(std::string_view text) {
    const auto at = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const auto tail = [&](std::size_t i) { return at(i) >= 0x80 && at(i) <= 0xbf; };
    const auto first = at(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
        const unsigned high = first == 0xed ? 0x9f : 0xbf;
        return at(1) >= low && at(1) <= high && tail(2) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const unsigned low = first == 0xf0 ? 0x90 : 0x80;
        const unsigned high = first == 0xf4 ? 0x8f : 0xbf;
        return at(1) >= low && at(1) <= high && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

} // namespace

std::string presentable(std::string_view text, std::size_t bytes_max) {
    std::string out;
    while (!text.empty()) {
        const auto length = well_formed(text);
        if (out.size() + (length == 0 ? 1 : length) > bytes_max) break;
        const auto first = static_cast<unsigned char>(text[0]);
        if (length == 0 || first == 0x7f)
            out.push_back('?');
        else if (first < 0x20)
            out.push_back(' ');
        else
            out.append(text.substr(0, length));
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out;
}

} // namespace wharf
