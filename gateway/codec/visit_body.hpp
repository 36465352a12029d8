// Calls a function with the body that an event has, whatever kind it is. Any thread.
#pragma once

#include "gateway/base/assert.hpp"
#include "wharf/v1/event.pb.h"

#include <type_traits>
#include <utility>

namespace wharf {

// REQUIRES: the event has a body. The function returns the same type for every kind.
template <class Function> decltype(auto) visit_body(const wharf::v1::Event& event, Function&& f) {
    using kind = wharf::v1::Event;
    switch (event.body_case()) {
    case kind::kInventoryAdjusted:
        return f(event.inventory_adjusted());
    case kind::kInventoryCounted:
        return f(event.inventory_counted());
    case kind::kStockMoved:
        return f(event.stock_moved());
    case kind::kStockStatusChanged:
        return f(event.stock_status_changed());
    case kind::kReserved:
        return f(event.reserved());
    case kind::kReleased:
        return f(event.released());
    case kind::kReceived:
        return f(event.received());
    case kind::kPicked:
        return f(event.picked());
    case kind::kPacked:
        return f(event.packed());
    case kind::kShipped:
        return f(event.shipped());
    case kind::kMilestone:
        return f(event.milestone());
    case kind::kReturned:
        return f(event.returned());
    case kind::kDisposition:
        return f(event.disposition());
    case kind::BODY_NOT_SET:
        break;
    }
    assertion_failed("the event has a body", __FILE__, __LINE__);
}

// The same for an event that the function may change.
template <class Function> decltype(auto) visit_body(wharf::v1::Event& event, Function&& f) {
    return visit_body(std::as_const(event), [&f](const auto& body) -> decltype(auto) {
        return f(const_cast<std::remove_cvref_t<decltype(body)>&>(body));
    });
}

} // namespace wharf
