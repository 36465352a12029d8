#include "gateway/journal/triggers.hpp"

#include "gateway/base/hash.hpp"
#include "gateway/base/limits.hpp"

#include <array>

namespace wharf {

std::optional<sequence> trigger_memory::seen_within(const std::string& key, std::int64_t window_us,
                                                    std::int64_t now_us) const {
    std::uint64_t hash = hash64(key);
    for (const sights* generation : std::array<const sights*, 3>{&fresh_, &young_, &old_}) {
        auto found = generation->find(hash);
        if (found == generation->end()) continue;
        if (now_us - found->second.at_us < window_us) return found->second.number;
        break;
    }
    return std::nullopt;
}

void trigger_memory::note(const std::string& key, sequence number, std::int64_t now_us) {
    fresh_[hash64(key)] = {now_us, number};
}

void trigger_memory::keep() {
    if (young_.size() + fresh_.size() > limits::k_triggers_max) {
        old_ = std::move(young_);
        young_.clear();
    }
    for (const auto& [hash, seen] : fresh_)
        young_[hash] = seen;
    fresh_.clear();
}

} // namespace wharf
