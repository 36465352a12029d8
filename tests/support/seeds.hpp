// Which seeds a random test walks. One seed decides everything that happens in a walk, so that a
// failure, which names its seed, can be had again: WHARF_SEED=7 walks that one alone,
// WHARF_SEEDS=500 so many instead of the usual number.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

namespace wharf::test {

inline std::vector<unsigned> seeds(unsigned usual) {
    const auto number_in = [](const char* name, unsigned otherwise) {
        const char* text = std::getenv(name);
        return text == nullptr ? otherwise : static_cast<unsigned>(std::stoul(text));
    };
    if (const unsigned only = number_in("WHARF_SEED", 0); only != 0) return {only};
    std::vector<unsigned> all(number_in("WHARF_SEEDS", usual));
    for (unsigned i = 0; i < all.size(); ++i)
        all[i] = i + 1;
    return all;
}

} // namespace wharf::test
