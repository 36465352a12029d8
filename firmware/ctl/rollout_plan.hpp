// A roll-out in waves, as decisions: which gateways when, which overlay, back to which version.
// Pure; any thread.
#pragma once

#include "gateway/base/result.hpp"
#include "wharf/v1/fleet.pb.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wharf::ctl {

// How far a wave goes: to so many gateways of all, or so many percent of them, rounded up.
struct wave_end {
    std::uint32_t amount = 1;
    bool percent = false;
};
// "1,10%,100%"
[[nodiscard]] result<std::vector<wave_end>> parse_waves(std::string_view text);

struct gateway_view;
struct left_out {
    std::string gateway;
    std::string why;
};
struct rollout_plan {
    std::vector<std::string> done;               // run it already, confirmed
    std::vector<left_out> left;                  // cannot be asked now
    std::vector<std::vector<std::string>> waves; // of those that are to do, healthy ones first
    [[nodiscard]] std::size_t to_do() const;
};
// What is wanted of each: to run the overlay with this digest; or, with back, not to run it any
// more. Fails where it is on trial somewhere: then another roll-out of it is under way, or was cut
// off. Waves count those that are done, so that a roll-out that was interrupted goes on where it
// was.
[[nodiscard]] result<rollout_plan> plan_rollout(const std::vector<gateway_view>& of,
                                                const std::string& digest, bool back,
                                                const std::vector<wave_end>& waves);

// What is promoted: the digest that all of them run, confirmed and healthy. Fails with why not.
[[nodiscard]] result<std::string> promoted(const std::vector<gateway_view>& of);
// What is taken back: the digest that all that can be asked run, confirmed.
[[nodiscard]] result<std::string> taken_back(const std::vector<gateway_view>& of);
// Which version this gateway held before the one in effect, of what config show answers; 0: none,
// its own file alone. Nothing: it cannot be known.
[[nodiscard]] std::optional<std::uint64_t> held_before(std::string_view shown);

} // namespace wharf::ctl
