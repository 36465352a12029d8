// Who has to go where all connections together hold more bytes than they may: packets that have
// come in part, and answers that nobody reads. Those that hold the most go first, so that whoever
// is flooding goes before whoever works. Pure; any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace wharf::access {

struct held_memory {
    std::uint64_t connection = 0;
    std::size_t bytes = 0;
};

// The connections to end, those with the most first. held is put in order.
[[nodiscard]] inline std::vector<std::uint64_t> over_memory(std::vector<held_memory>& held,
                                                            std::size_t bytes_max) {
    std::size_t sum = 0;
    for (const held_memory& one : held)
        sum += one.bytes;
    std::vector<std::uint64_t> out;
    if (sum <= bytes_max) return out;
    std::ranges::sort(held, [](const held_memory& a, const held_memory& b) {
        return a.bytes != b.bytes ? a.bytes > b.bytes : a.connection < b.connection;
    });
    for (const held_memory& one : held) {
        if (sum <= bytes_max) break;
        sum -= one.bytes;
        out.push_back(one.connection);
    }
    return out;
}

} // namespace wharf::access
