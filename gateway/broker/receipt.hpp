// Receipts: what became of each event of a message, for the device that sent it
// (docs/formats/topics.md). Any thread.
#pragma once

#include "gateway/journal/requests.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace wharf::broker {

[[nodiscard]] std::string receipts_topic(std::string_view site, std::string_view device);
[[nodiscard]] std::string receipt_json(std::string_view topic,
                                       const std::vector<event_receipt>& receipts);

} // namespace wharf::broker
