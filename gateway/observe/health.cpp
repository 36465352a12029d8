#include "gateway/observe/health.hpp"

#include "gateway/observe/conditions.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace wharf::observe {

namespace {

using json = nlohmann::ordered_json;

std::string dumped(const json& from) {
    return from.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

} // namespace

std::string_view to_string(health_state state) noexcept {
    constexpr std::array<std::string_view, 3> names = {"ok", "degraded", "failing"};
    return names[static_cast<std::size_t>(state)];
}

std::string_view to_string(circuit state) noexcept {
    constexpr std::array<std::string_view, 4> names = {"closed", "half_open", "open", "stopped"};
    return names[static_cast<std::size_t>(state)];
}

books gateway_snapshot::books() const {
    observe::books out;
    out.intake = intake;
    for (const auto& each : destinations)
        out.destinations.push_back(each.books);
    return out;
}

health judge(const gateway_snapshot& now) {
    health out;
    if (now.stopping) {
        out.state = health_state::failing;
        out.reasons.push_back("the gateway is shutting down");
    }
    auto all = conditions_of(now);
    all.insert(all.end(), now.alarms.raised.begin(), now.alarms.raised.end());
    std::ranges::stable_partition(all, &condition::failing);
    for (auto& each : all) {
        const auto state = each.failing ? health_state::failing : health_state::degraded;
        out.state = std::max(out.state, state);
        out.reasons.push_back(std::move(each.text));
    }
    return out;
}

std::string health_json(const health& of) {
    return dumped({{"status", to_string(of.state)}, {"reasons", of.reasons}});
}

} // namespace wharf::observe
