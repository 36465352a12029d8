#include "firmware/views/quarantine.hpp"

#include "firmware/views/words.hpp"
#include "gateway/base/bytes.hpp"

#include <nlohmann/json.hpp>

namespace wharf::views {

using json = nlohmann::ordered_json;

json quarantine_json(const quarantine_entry& entry, bool whole) {
    const auto& message = entry.message;
    json out = {
        {"number", entry.number},           {"received_at", time_text(message.received_at_us())},
        {"site", message.site()},           {"device", message.device()},
        {"client_id", message.client_id()}, {"topic", message.topic()},
        {"reason", message.reason()},       {"detail", message.detail()},
        {"events", message.events()}};
    if (!message.bridge().empty()) out["bridge"] = message.bridge();
    if (message.has_index()) out["index"] = message.index();
    if (message.contradicts() != 0) out["contradicts"] = message.contradicts();
    for (const auto& finding : message.more()) {
        json one = {{"reason", finding.reason()}, {"detail", finding.detail()}};
        if (finding.has_index()) one["index"] = finding.index();
        if (finding.contradicts() != 0) one["contradicts"] = finding.contradicts();
        out["more"].push_back(std::move(one));
    }
    if (whole) out["payload_hex"] = to_hex(message.payload());
    return out;
}

} // namespace wharf::views
