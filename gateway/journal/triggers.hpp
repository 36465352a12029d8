// When a device last triggered on the same code in the same task: what tells a double trigger. In
// memory only: after a restart the first trigger counts as single. The journal thread only.
#pragma once

#include "gateway/base/sequence.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace wharf {

class trigger_memory {
  public:
    // The event that the same key triggered first, where the key was last seen less than the window
    // ago.
    [[nodiscard]] std::optional<sequence>
    seen_within(const std::string& key, std::int64_t window_us, std::int64_t now_us) const;
    // The key was seen now, and stands for this event.
    void note(const std::string& key, sequence number, std::int64_t now_us);

    // What was noted since the last keep() stays, or is forgotten.
    void keep();
    void roll_back() { fresh_.clear(); }

  private:
    // Never iterated where order shows.
    struct sight {
        std::int64_t at_us = 0;
        sequence number = k_no_sequence;
    };
    using sights = std::unordered_map<std::uint64_t, sight>;
    sights young_;
    sights old_;
    sights fresh_;
};

} // namespace wharf
