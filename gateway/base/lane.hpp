// The priority lanes of delivery, highest first. A lane reorders only what is independent.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace wharf {

enum class lane : std::uint8_t { shipment = 0, inventory = 1, count = 2, telemetry = 3 };

inline constexpr std::size_t k_lane_count = 4;
inline constexpr std::array<std::string_view, k_lane_count> k_lane_names = {"shipment", "inventory",
                                                                            "count", "telemetry"};

constexpr std::size_t index_of(lane which) noexcept {
    return static_cast<std::size_t>(which);
}
constexpr std::string_view to_string(lane which) noexcept {
    return k_lane_names[index_of(which)];
}

// Shipments and inventory are what a gateway is there for.
[[nodiscard]] constexpr bool may_be_shed(lane which) {
    return which == lane::count || which == lane::telemetry;
}

} // namespace wharf
