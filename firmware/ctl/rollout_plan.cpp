#include "firmware/ctl/rollout_plan.hpp"

#include "firmware/ctl/fleet.hpp"
#include "firmware/ctl/gate.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/base/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace wharf::ctl {

namespace {

using json = nlohmann::json;
using wharf::v1::GatewayState;

constexpr std::size_t k_named_max = 5;

bool on_trial(const GatewayState& state) {
    return state.configuration_confirm_by_us() != 0;
}

std::string short_digest(const std::string& digest) {
    return digest.empty() ? "no overlay" : "sha256 " + to_hex(digest).substr(0, 16);
}

// "a, b, c and 7 more"
std::string named(const std::vector<std::string>& gateways) {
    std::string out;
    for (std::size_t i = 0; i < std::min(gateways.size(), k_named_max); ++i)
        out.append(i == 0 ? "" : ", ").append(printable(gateways[i]));
    if (gateways.size() > k_named_max)
        out += " and " + std::to_string(gateways.size() - k_named_max) + " more";
    return out;
}

std::string why_left_out(const gateway_view& one) {
    if (!one.complaint.empty()) return "not believed: " + one.complaint;
    if (one.state.health() == "gone") return "it is away";
    if (on_trial(one.state))
        return "version " + std::to_string(one.state.configuration_version()) +
               " is on trial there";
    return {};
}

std::size_t reach_of(const wave_end& wave, std::size_t all) {
    return wave.percent ? (all * wave.amount + 99) / 100 : std::min<std::size_t>(wave.amount, all);
}

} // namespace

std::size_t rollout_plan::to_do() const {
    std::size_t out = 0;
    for (const auto& wave : waves)
        out += wave.size();
    return out;
}

result<std::vector<wave_end>> parse_waves(std::string_view text) {
    const error wrong{errc::invalid,
                      "--waves " + std::string(text) + ": expected up to " +
                          std::to_string(limits::k_waves_max) +
                          " numbers of gateways or percentages, each further than the one before: "
                          "1,10%,100%"};
    std::vector<wave_end> out;
    while (true) {
        const auto comma = std::min(text.find(','), text.size());
        auto word = text.substr(0, comma);
        wave_end one;
        one.percent = word.ends_with('%');
        if (one.percent) word.remove_suffix(1);
        const auto [end, failed] =
            std::from_chars(word.data(), word.data() + word.size(), one.amount);
        if (failed != std::errc{} || end != word.data() + word.size() || one.amount == 0 ||
            (one.percent && one.amount > 100))
            return wrong;
        if (!out.empty() && out.back().percent == one.percent && out.back().amount >= one.amount)
            return wrong;
        out.push_back(one);
        if (out.size() > limits::k_waves_max) return wrong;
        if (comma == text.size()) return out;
        text.remove_prefix(comma + 1);
    }
}

result<rollout_plan> plan_rollout(const std::vector<gateway_view>& of, const std::string& digest,
                                  bool back, const std::vector<wave_end>& waves) {
    rollout_plan out;
    std::vector<const gateway_view*> healthy;
    std::vector<const gateway_view*> others;
    std::vector<std::string> under_way;
    for (const gateway_view& one : of) {
        const bool runs = one.complaint.empty() && one.state.configuration_overlay() == digest;
        if (runs && on_trial(one.state) && !back && one.state.health() != "gone")
            under_way.push_back(one.name);
        else if (runs && !back && !on_trial(one.state))
            out.done.push_back(one.name);
        else if (auto why = why_left_out(one); !why.empty())
            out.left.push_back({one.name, std::move(why)});
        else if (!runs && back)
            out.done.push_back(one.name);
        else
            (one.state.health() == "ok" ? healthy : others).push_back(&one);
    }
    if (!under_way.empty())
        return error{errc::conflict,
                     "it is on trial already on " + named(under_way) +
                         ": another roll-out of it is under way, or one was cut off. What nobody "
                         "confirms goes back by itself; `config revert` takes it back at once"};
    std::vector<std::string> order;
    for (const auto* list : {&healthy, &others})
        for (const auto* one : *list)
            order.push_back(one->name);
    const std::size_t all = out.done.size() + order.size();
    std::size_t next = 0;
    for (const wave_end& wave : waves) {
        const std::size_t until = reach_of(wave, all);
        if (until <= out.done.size() + next) continue;
        const std::size_t end = until - out.done.size();
        out.waves.emplace_back(order.begin() + static_cast<std::ptrdiff_t>(next),
                               order.begin() + static_cast<std::ptrdiff_t>(end));
        next = end;
    }
    return out;
}

result<std::string> promoted(const std::vector<gateway_view>& of) {
    if (of.empty()) return error{errc::not_found, "no gateway fits --from"};
    std::string problems;
    std::map<std::string, std::vector<std::string>> by_digest;
    for (const gateway_view& one : of) {
        std::string why;
        if (const auto wrong = unwell(facts_of(one.state, one.complaint)); !wrong.empty())
            why = "is not well: " + printable(wrong.front());
        else if (on_trial(one.state))
            why = "has version " + std::to_string(one.state.configuration_version()) +
                  " on trial: it is not confirmed";
        else if (one.state.configuration_overlay().empty())
            why = "runs with its own file alone";
        if (!why.empty()) problems += "\n  " + printable(one.name) + " " + why;
        by_digest[one.state.configuration_overlay()].push_back(one.name);
    }
    if (by_digest.size() > 1)
        for (const auto& [digest, names] : by_digest)
            problems += "\n  " + named(names) + (names.size() == 1 ? " runs " : " run ") +
                        short_digest(digest);
    if (!problems.empty())
        return error{errc::conflict, "nothing is promoted: not every gateway of --from runs one "
                                     "overlay, confirmed and healthy:" +
                                         problems};
    return by_digest.begin()->first;
}

result<std::string> taken_back(const std::vector<gateway_view>& of) {
    std::map<std::string, std::vector<std::string>> by_digest;
    for (const gateway_view& one : of)
        if (why_left_out(one).empty())
            by_digest[one.state.configuration_overlay()].push_back(one.name);
    if (by_digest.empty()) return error{errc::not_found, "no gateway that fits can be asked"};
    if (by_digest.size() == 1 && !by_digest.begin()->first.empty()) return by_digest.begin()->first;
    std::string words;
    for (const auto& [digest, names] : by_digest)
        words +=
            "\n  " + named(names) + (names.size() == 1 ? " runs " : " run ") + short_digest(digest);
    return error{errc::conflict,
                 "which overlay is to be taken back has to be clear: say it with --on "
                 "configuration=, a part of its sha256:" +
                     words};
}

std::optional<std::uint64_t> held_before(std::string_view shown) {
    const auto said = json::parse(shown, nullptr, false);
    if (!said.is_object() || !said.contains("kept") || !said["kept"].is_array()) return {};
    const auto in_effect = said.value("in_effect", json());
    if (!in_effect.is_number_unsigned()) return {};
    struct version {
        std::uint64_t number = 0;
        std::string digest;
        bool held = false;
    };
    std::vector<version> kept;
    for (const auto& one : said["kept"])
        if (one.is_object() && one.contains("version") && one["version"].is_number_unsigned() &&
            one.contains("sha256") && one["sha256"].is_string() && one.contains("held") &&
            one["held"].is_boolean())
            kept.push_back({one["version"].get<std::uint64_t>(), one["sha256"].get<std::string>(),
                            one["held"].get<bool>()});
    const auto now = std::ranges::find(kept, in_effect.get<std::uint64_t>(), &version::number);
    if (now == kept.end()) return {};
    std::uint64_t before = 0;
    for (const version& one : kept)
        if (one.held && one.number < now->number && one.digest != now->digest)
            before = std::max(before, one.number);
    // What was before the oldest that is kept is not known.
    if (before == 0 && kept.size() >= limits::k_overlays_kept_max) return {};
    return before;
}

} // namespace wharf::ctl
