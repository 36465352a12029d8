// What an update means to this ERP: which document it belongs to and which stock it changes by how
// much. Derived from the update alone; what depends on stock held is decided by the store. Pure.
#pragma once

#include "tests/erp/decimal.hpp"
#include "wharf/v1/update.pb.h"

#include <optional>
#include <string>
#include <vector>

namespace erp {

// A business rule's no.
struct refusal {
    std::string code;
    std::string message;
};

enum class change { add, set, reserve };

struct posting {
    change how = change::add;
    std::string stock_key;
    nano_units amount = 0;
    // For messages to people.
    std::string location;
    std::string sku;
    std::string unit;
};

struct effect {
    std::string kind;
    // For example "shipment"; empty where the update belongs to no document.
    std::string document_type;
    std::string document;
    std::string line;
    std::string document_state;
    std::string sku;
    std::string location;
    std::string stock_key;
    std::string to_stock_key;
    std::string quantity;
    std::string unit;
    std::vector<std::string> skus;
    std::vector<posting> postings;
    // Picked only: the amount is the line's total so far, and the store posts the difference.
    bool cumulative = false;
    // The event takes an earlier one back, or declares it wrong: every posting counts backwards.
    bool reversed = false;
};

// The parts of a stock key joined by '|', in the order of the schema; '|' and '\' inside are
// escaped.
[[nodiscard]] std::string stock_key_text(const wharf::v1::StockKey& stock);

// Either the effect, or why an update of this shape can never be applied.
[[nodiscard]] std::optional<refusal> describe(const wharf::v1::Update& update, effect& out);

} // namespace erp
