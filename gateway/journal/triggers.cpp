#include "gateway/journal/triggers.hpp"

#include "gateway/base/hash.hpp"
#include "gateway/base/limits.hpp"

#include <array>

namespace wharf {

bool trigger_memory::seen_within(const std::string& key, std::int64_t window_us,
                                 std::int64_t now_us) {
    std::uint64_t hash = hash64(key);
    bool seen = false;
    for (const times* generation : std::array<const times*, 3>{&fresh_, &young_, &old_}) {
        auto found = generation->find(hash);
        if (found == generation->end()) continue;
        seen = now_us - found->second < window_us;
        break;
    }
    fresh_[hash] = now_us;
    return seen;
}

void trigger_memory::keep() {
    if (young_.size() + fresh_.size() > limits::k_triggers_max) {
        old_ = std::move(young_);
        young_.clear();
    }
    for (const auto& [hash, at] : fresh_)
        young_[hash] = at;
    fresh_.clear();
}

} // namespace wharf
