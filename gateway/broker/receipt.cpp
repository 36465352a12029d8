#include "gateway/broker/receipt.hpp"

#include <nlohmann/json.hpp>

namespace wharf::broker {

namespace {

std::string_view name_of(event_fate fate) {
    switch (fate) {
    case event_fate::accepted:
        return "accepted";
    case event_fate::duplicate:
        return "duplicate";
    case event_fate::quarantined:
        break;
    }
    return "quarantined";
}

} // namespace

std::string receipts_topic(std::string_view site, std::string_view device) {
    std::string topic = "wharf/1/";
    topic.append(site).append("/").append(device).append("/receipts");
    return topic;
}

std::string receipt_json(std::string_view topic, const std::vector<event_receipt>& receipts) {
    nlohmann::json events = nlohmann::json::array();
    for (const event_receipt& each : receipts) {
        nlohmann::json event{{"result", name_of(each.fate)}};
        if (each.index) event["index"] = *each.index;
        if (each.number != k_no_sequence) event["sequence"] = each.number;
        if (each.quarantine != 0) event["quarantine"] = each.quarantine;
        if (!each.reason.empty()) event["reason"] = each.reason;
        if (!each.detail.empty()) event["detail"] = each.detail;
        events.push_back(std::move(event));
    }
    const nlohmann::json all{{"topic", topic}, {"events", std::move(events)}};
    return all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace wharf::broker
