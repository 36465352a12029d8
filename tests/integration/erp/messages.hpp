// Updates as a gateway would send them, written out as JSON text so that the tests hold the
// spelling of the contract and not the program's own idea of it.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace erp_test {

inline nlohmann::json update(int sequence, const std::string& kind, nlohmann::json body) {
    return {
        {"idempotency_key", "WH7-1-" + std::to_string(sequence)},
        {"id", {{"gateway", "WH7"}, {"epoch", 1059761179}, {"sequence", std::to_string(sequence)}}},
        {"site", "ber1"},
        {"device", "scanner-07"},
        {"stream", "stock"},
        {"received_at", "2026-03-02T10:00:00.123456Z"},
        {"event",
         {{"source", "scanner-07"},
          {"event_id", "a-" + std::to_string(sequence)},
          {"occurred_at", "2026-03-02T09:59:59.900Z"},
          {kind, std::move(body)}}}};
}

inline nlohmann::json stock(const std::string& sku = "4711", const std::string& location = "A-01") {
    return {{"site", "ber1"}, {"location", location}, {"sku", sku}, {"unit", "EA"}};
}

inline nlohmann::json pieces(const std::string& value) {
    return {{"value", value}, {"unit", "EA"}};
}

inline nlohmann::json adjusted(int sequence, const std::string& delta,
                               const std::string& sku = "4711") {
    return update(sequence, "inventory_adjusted",
                  {{"stock", stock(sku)},
                   {"delta", pieces(delta)},
                   {"reason", "found"},
                   {"document", "ADJ-9"},
                   {"line", "1"}});
}

inline std::string batch(nlohmann::json items, bool in_order = false) {
    nlohmann::json out = {{"batch_id", "WH7-b1"}, {"gateway", "WH7"}, {"mapping_revision", 1}};
    out["items"] = std::move(items);
    if (in_order) out["in_order"] = true;
    return out.dump();
}

inline std::string question(std::initializer_list<int> sequences) {
    nlohmann::json items = nlohmann::json::array();
    for (const int sequence : sequences) {
        items.push_back({{"idempotency_key", "WH7-1-" + std::to_string(sequence)}});
    }
    return nlohmann::json{{"items", items}}.dump();
}

// "applied,refused": the statuses of an answer in order.
inline std::string statuses(const std::string& body) {
    const auto answer = nlohmann::json::parse(body, nullptr, false);
    if (answer.is_discarded()) return "unreadable";
    std::string text;
    for (const auto& item : answer.value("items", nlohmann::json::array())) {
        text += (text.empty() ? "" : ",") + item.value("status", "none");
    }
    return text;
}

} // namespace erp_test
