// When a device last triggered on the same code in the same task: what tells a double trigger. In
// memory only: after a restart the first trigger counts as single. The journal thread only.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

namespace wharf {

class trigger_memory {
  public:
    // Whether the same key was seen less than the window ago; notes this one in any case.
    bool seen_within(const std::string& key, std::int64_t window_us, std::int64_t now_us);

    // What was noted since the last keep() stays, or is forgotten.
    void keep();
    void roll_back() { fresh_.clear(); }

  private:
    // Never iterated where order shows.
    using times = std::unordered_map<std::uint64_t, std::int64_t>;
    times young_;
    times old_;
    times fresh_;
};

} // namespace wharf
