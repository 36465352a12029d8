// What an ERP's answer means: the table of docs/formats/erp.md as two pure functions. Connectors
// fill connector_answer, the destination machine acts on the verdicts. Any thread; cannot fail.
#pragma once

#include "wharf/v1/update.pb.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace wharf {

struct item_answer {
    // UNSPECIFIED where the answer does not speak of this item, or not understandably.
    wharf::v1::ItemStatus status = wharf::v1::ITEM_STATUS_UNSPECIFIED;
    std::string code;
    std::string message;
};

// What became of one request.
struct connector_answer {
    enum class way : std::uint8_t {
        answered, // http_status says the rest
        not_sent, // nothing reached the ERP: connection refused, name not found
        unknown,  // time-out, reset after sending, an answer that is not HTTP
    };
    way how = way::unknown;
    int http_status = 0;
    std::optional<std::int64_t> retry_after_us; // from now
    // One for each item of the request, in its order; empty where the request as a whole failed.
    std::vector<item_answer> items;
    std::string code;  // of the whole request, where the ERP named one
    std::string words; // for a person: the ERP's message or what went wrong
};

// For the whole request.
enum class request_verdict : std::uint8_t {
    per_item,         // look at the items
    retry,            // not now, one key's matter: 409, 425
    overloaded,       // not now, the destination's matter: 408, 429, 502, 503, 504, transport
    not_sent,         // the same, and certain that nothing arrived
    unknown,          // time-out, reset
    failed,           // 500: outcome unknown, and perhaps the fault of one item
    too_large,        // 413
    forbidden,        // 403
    refused,          // 422
    fenced,           // 409 with this code: another gateway has taken over
    stop_credentials, // 401
    stop,             // any other 3xx, 4xx and what nobody knows
};
[[nodiscard]] request_verdict classify_request(const connector_answer& answer);

// For one item of a 2xx answer, or of an answer to a question.
enum class item_verdict : std::uint8_t {
    applied,
    refused,     // by a rule: dead letter, or waiting
    dead,        // conflict, forbidden
    later,       // known not to be applied now; the same key later
    unattempted, // known not to be applied, not its fault
    unknown,     // error, missing, unreadable
    not_held,
};
[[nodiscard]] item_verdict classify_item(wharf::v1::ItemStatus status);

// A short name for a dead letter, where the ERP gave none.
[[nodiscard]] std::string default_code(wharf::v1::ItemStatus status);

// Of a whole request: the ERP knows of a later takeover of this gateway's journal.
inline constexpr const char* k_code_fenced = "fenced";
inline constexpr const char* k_code_insufficient_stock = "insufficient_stock";
// On record for a parked update: it may have taken effect.
inline constexpr const char* k_code_outcome_unknown = "outcome_unknown";

} // namespace wharf
