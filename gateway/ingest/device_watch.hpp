// Which devices have fallen silent: those whose profile says how long they may be. A device is
// known from its first message on, or from the start where the settings name it. Pure; one thread;
// cannot fail. What is beyond the bound is not watched, and counted.
#pragma once

#include "gateway/base/limits.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wharf {

struct silent_device {
    std::string device;
    std::string profile;
    std::int64_t silent_us = 0;
    bool never_heard = false; // since the start
};

// Of one profile.
struct watched_devices {
    std::string profile;
    std::uint64_t watched = 0;
    std::uint64_t silent = 0;
};

class device_watch {
  public:
    explicit device_watch(std::size_t devices_max = limits::k_devices_watched_max)
        : devices_max_(devices_max) {}

    // Before any device: these profiles have a word on silence.
    void add_profile(std::string_view name, std::uint32_t silent_after_s);
    // Another word, at any time. REQUIRES: add_profile() of it.
    void change_profile(std::string_view name, std::uint32_t silent_after_s);
    // A device that ought to be there. REQUIRES: add_profile() of its profile.
    void expect(std::string_view device, std::string_view profile);
    // Where to note, for each message, that it was heard; good as long as generation() is the same.
    // nullptr: there is no room. REQUIRES: add_profile() of its profile.
    [[nodiscard]] bool* watch(std::string_view device, std::string_view profile);
    [[nodiscard]] std::uint32_t generation() const { return generation_; }

    // From time to time, with a clock that never goes back: what was heard since the last look was
    // heard now.
    void look(std::int64_t now_us);

    // As of the last look.
    [[nodiscard]] std::vector<watched_devices> counts() const;
    [[nodiscard]] std::uint64_t silent() const { return silent_; }
    // The longest silence first.
    [[nodiscard]] std::vector<silent_device>
    silent_devices(std::size_t count_max = limits::k_devices_named_max) const;
    [[nodiscard]] std::size_t watched() const { return devices_.size(); }
    // Times a device found no room.
    [[nodiscard]] std::uint64_t unwatched() const { return unwatched_; }

  private:
    struct profile {
        std::string name;
        std::int64_t silent_after_us = 0;
    };
    struct device {
        std::size_t of = 0; // its profile
        bool heard = false; // since the last look
        bool ever = false;
        bool named = false; // in the settings
        bool silent = false;
        std::optional<std::int64_t> last_us;
    };
    [[nodiscard]] std::size_t profile_of(std::string_view name) const;
    device* find(std::string_view name, std::string_view of);

    std::size_t devices_max_;
    std::vector<profile> profiles_;
    std::map<std::string, device, std::less<>> devices_;
    std::uint32_t generation_ = 1;
    std::uint64_t silent_ = 0;
    std::uint64_t unwatched_ = 0;
    std::int64_t looked_us_ = 0;
};

} // namespace wharf
