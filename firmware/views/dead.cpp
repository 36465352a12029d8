#include "firmware/views/dead.hpp"

#include "firmware/views/words.hpp"
#include "gateway/codec/json_codec.hpp"
#include "gateway/journal/inspect.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace wharf::views {

namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t k_parked_page = 500;
result<std::vector<destination_place>> destinations(store& journal, const std::string& only) {
    WHARF_TRY_ASSIGN(auto state, read_state(journal));
    std::vector<destination_place> out;
    for (int i = 0; i < state.destinations_size(); ++i)
        if (const auto& name = state.destinations(i).name();
            !name.empty() && (only.empty() || name == only))
            out.push_back({static_cast<std::uint8_t>(i), name});
    if (out.empty() && !only.empty())
        return error{errc::not_found, "the journal knows no destination " + only};
    return out;
}

json event_json(const stored_record& record) {
    std::string event;
    message_to_json(record.event, event);
    return json::parse(event, nullptr, false);
}

} // namespace

result<std::vector<found_dead>> find_dead(store& journal, const std::string& only,
                                          sequence number) {
    WHARF_TRY_ASSIGN(auto places_there, destinations(journal, only));
    std::vector<found_dead> out;
    for (auto& each : places_there) {
        WHARF_TRY_ASSIGN(auto parked, journal_view(journal).parked(each.number, number));
        if (parked) out.push_back({std::move(each), std::move(*parked)});
    }
    if (out.empty())
        return error{errc::not_found, "update " + std::to_string(number) +
                                          " is not parked (see: wharfctl dead list)"};
    return out;
}

result<std::vector<std::pair<sequence, found_dead>>> list_dead(store& journal,
                                                               const dead_query& asked) {
    WHARF_TRY_ASSIGN(auto where, destinations(journal, asked.destination));
    std::vector<std::pair<sequence, found_dead>> out;
    for (const auto& each : where) {
        sequence after = asked.after;
        std::size_t taken = 0;
        for (bool more = true; more && taken < asked.count_max;) {
            WHARF_TRY_ASSIGN(auto page, list_parked(journal, each.number, after, k_parked_page));
            more = page.size() == k_parked_page;
            for (auto& entry : page) {
                after = entry.number;
                if (taken == asked.count_max) break;
                if (!asked.waiting && entry.update.state() != v1::PARKED_STATE_DEAD) continue;
                out.emplace_back(entry.number, found_dead{each, std::move(entry.update)});
                ++taken;
            }
        }
    }
    std::stable_sort(out.begin(), out.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::size_t keep = std::min<std::size_t>(asked.count_max, out.size());
    while (keep > 0 && keep < out.size() && out[keep].first == out[keep - 1].first)
        ++keep;
    out.erase(out.begin() + static_cast<std::ptrdiff_t>(keep), out.end());
    return out;
}

std::string_view state_text(v1::ParkedState state) {
    switch (state) {
    case v1::PARKED_STATE_DEAD:
        return "dead";
    case v1::PARKED_STATE_WAITING:
        return "waiting";
    case v1::PARKED_STATE_RETRY:
        return "to be retried";
    default:
        return "?";
    }
}

json dead_json(const found_dead& dead, sequence number, const result<stored_record>& record) {
    const auto& update = dead.update;
    json out = {{"number", number},
                {"destination", dead.destination.name},
                {"state", state_text(update.state())},
                {"code", update.code()},
                {"message", update.message()},
                {"attempts", update.attempts()},
                {"revision", update.revision()},
                {"blocks", update.blocks()}};
    if (record.ok()) {
        out["what"] = words_of(record->event.event()).what;
        out["stored"] = event_json(*record);
    } else {
        out["error"] = record.failure().message;
    }
    return out;
}

result<json> dead_list_json(store& journal, const dead_query& asked) {
    WHARF_TRY_ASSIGN(const auto listed, list_dead(journal, asked));
    json all = json::array();
    for (const auto& [number, dead] : listed)
        all.push_back(dead_json(dead, number, journal_view(journal).event(number)));
    return all;
}

} // namespace wharf::views
