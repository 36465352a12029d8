#include "firmware/views/words.hpp"

#include "gateway/base/decimal.hpp"
#include "gateway/base/time.hpp"

#include <array>
#include <cstdio>

namespace wharf::views {

namespace {

std::string number(const v1::Decimal& of) {
    auto exact = decimal::make(of.coefficient(), of.scale());
    return exact.ok() ? exact->to_string() : "?";
}

std::string amount(const v1::Quantity& of) {
    return number(of.value()) + " " + of.unit();
}

std::string item_name(const v1::StockKey& stock) {
    if (!stock.sku().empty()) return stock.sku();
    return stock.gtin().empty() ? "an item" : "GTIN " + stock.gtin();
}

std::string_view status_name(v1::StockStatus status) {
    switch (status) {
    case v1::STOCK_STATUS_ALLOCATED:
        return "allocated";
    case v1::STOCK_STATUS_QUALITY:
        return "quality";
    case v1::STOCK_STATUS_DAMAGED:
        return "damaged";
    case v1::STOCK_STATUS_BLOCKED:
        return "blocked";
    case v1::STOCK_STATUS_IN_TRANSIT:
        return "in transit";
    case v1::STOCK_STATUS_RETURNED:
        return "returned";
    default:
        return "available";
    }
}

// Appends ", name value" where there is a value.
void add(std::string& to, std::string_view name, std::string_view value) {
    if (value.empty()) return;
    if (!to.empty()) to += ", ";
    to.append(name).append(name.empty() ? "" : " ").append(value);
}
void add(std::string& to, std::string_view name, std::uint32_t value) {
    if (value != 0) add(to, name, std::to_string(value));
}

std::string item_text(const v1::StockKey& stock) {
    std::string out;
    add(out, "SKU", stock.sku());
    add(out, "GTIN", stock.gtin());
    add(out, "lot", stock.lot());
    add(out, "serial", stock.serial());
    add(out, "expiry", stock.expiry());
    if (stock.status() > v1::STOCK_STATUS_AVAILABLE)
        add(out, "status", status_name(stock.status()));
    add(out, "owner", stock.owner());
    add(out, "pallet or box", stock.lpn());
    return out;
}

std::string at_place(std::string_view word, const v1::StockKey& stock) {
    return stock.location().empty() ? "" : " " + std::string(word) + " " + stock.location();
}

std::string counted_things(const v1::StockKey& stock, const v1::Quantity& quantity) {
    return amount(quantity) + " of " + item_name(stock);
}

std::string for_order(const std::string& order) {
    return order.empty() ? "" : " for order " + order;
}

template <class Body>
std::string line_text(std::string_view kind, const std::string& id, const Body& body) {
    std::string out;
    add(out, kind, id);
    add(out, "line", body.line());
    return out;
}

struct teller {
    event_words& out;

    void operator()(const v1::InventoryAdjusted& body) const {
        bool less = body.delta().value().coefficient() < 0;
        v1::Quantity size = body.delta();
        if (less) size.mutable_value()->set_coefficient(-size.value().coefficient());
        out.what = counted_things(body.stock(), size) +
                   (less ? " were taken off the stock" : " were added to the stock") +
                   at_place("at", body.stock()) + ": " + body.reason();
        out.item = item_text(body.stock());
        out.document = line_text("adjustment", body.document(), body);
    }
    void operator()(const v1::InventoryCounted& body) const {
        out.what = counted_things(body.stock(), body.counted()) + " were counted" +
                   at_place("at", body.stock());
        out.item = item_text(body.stock());
        add(out.document, "count", body.document());
        add(out.document, "revision", body.revision());
    }
    void operator()(const v1::StockMoved& body) const {
        out.what = counted_things(body.from(), body.quantity()) + " were moved" +
                   at_place("from", body.from()) + at_place("to", body.to());
        out.item = item_text(body.from());
        out.document = line_text("task", body.task(), body);
    }
    void operator()(const v1::StockStatusChanged& body) const {
        out.what = counted_things(body.stock(), body.quantity()) + at_place("at", body.stock()) +
                   " changed from " + std::string(status_name(body.stock().status())) + " to " +
                   std::string(status_name(body.new_status()));
        if (!body.reason().empty()) out.what += ": " + body.reason();
        out.item = item_text(body.stock());
        out.document = line_text("document", body.document(), body);
    }
    void operator()(const v1::Reserved& body) const {
        out.what = counted_things(body.stock(), body.quantity()) + " were set aside" +
                   at_place("at", body.stock());
        out.item = item_text(body.stock());
        out.document = line_text("document", body.document(), body);
    }
    void operator()(const v1::Released& body) const {
        out.what = "a reservation of " + counted_things(body.stock(), body.quantity()) +
                   " was given back" + at_place("at", body.stock());
        out.item = item_text(body.stock());
        out.document = line_text("document", body.document(), body);
    }
    void operator()(const v1::Received& body) const {
        out.what = counted_things(body.stock(), body.quantity()) + " were received" +
                   at_place("at", body.stock());
        if (!body.purchase_order().empty())
            out.what += " for purchase order " + body.purchase_order();
        out.item = item_text(body.stock());
        out.document = line_text("receipt", body.receipt(), body);
    }
    void operator()(const v1::Picked& body) const {
        out.what = counted_things(body.stock(), body.quantity()) + " were picked" +
                   at_place("from", body.stock()) + for_order(body.order());
        if (body.cumulative()) out.what += " (in all, so far)";
        out.item = item_text(body.stock());
        out.document = line_text("task", body.task(), body);
    }
    void operator()(const v1::Packed& body) const {
        auto package = body.package().empty() ? "SSCC " + body.sscc() : body.package();
        auto lines = body.contents_size();
        out.what = "package " + package + " was packed with " + std::to_string(lines) +
                   (lines == 1 ? " line" : " lines") + for_order(body.order());
        for (const auto& line : body.contents())
            add(out.item, "", counted_things(line.stock(), line.quantity()));
        add(out.document, "shipment", body.shipment());
        add(out.document, "package", package);
        add(out.document, "revision", body.revision());
    }
    void operator()(const v1::Shipped& body) const {
        out.what = counted_things(body.stock(), body.quantity()) + " were shipped" +
                   for_order(body.order());
        if (!body.carrier().empty()) out.what += " with " + body.carrier();
        out.item = item_text(body.stock());
        out.document = line_text("shipment", body.shipment(), body);
        add(out.document, "package", body.package());
        add(out.document, "tracking", body.tracking());
        if (body.extent() == v1::SHIPMENT_EXTENT_PARTIAL) add(out.document, "", "partial");
        if (body.extent() == v1::SHIPMENT_EXTENT_FINAL) add(out.document, "", "final");
    }
    void operator()(const v1::Milestone& body) const {
        out.what = "shipment " + body.shipment() + ": " + body.code();
        if (!body.place().empty()) out.what += " at " + body.place();
        if (!body.carrier().empty()) out.what += ", says " + body.carrier();
        out.document = line_text("shipment", body.shipment(), body);
        add(out.document, "package", body.package());
    }
    void operator()(const v1::Returned& body) const {
        out.what = counted_things(body.stock(), body.quantity()) + " came back" +
                   at_place("to", body.stock());
        if (!body.reason().empty()) out.what += ": " + body.reason();
        out.item = item_text(body.stock());
        out.document = line_text("return", body.rma(), body);
    }
    void operator()(const v1::Disposition& body) const {
        out.what = "it was decided on " + counted_things(body.stock(), body.quantity()) +
                   " of a return: " + body.step();
        out.item = item_text(body.stock());
        out.document = line_text("return", body.rma(), body);
    }
};

void tell(const v1::Event& event, event_words& out) {
    teller say{out};
    using kind = v1::Event;
    switch (event.body_case()) {
    case kind::kInventoryAdjusted:
        return say(event.inventory_adjusted());
    case kind::kInventoryCounted:
        return say(event.inventory_counted());
    case kind::kStockMoved:
        return say(event.stock_moved());
    case kind::kStockStatusChanged:
        return say(event.stock_status_changed());
    case kind::kReserved:
        return say(event.reserved());
    case kind::kReleased:
        return say(event.released());
    case kind::kReceived:
        return say(event.received());
    case kind::kPicked:
        return say(event.picked());
    case kind::kPacked:
        return say(event.packed());
    case kind::kShipped:
        return say(event.shipped());
    case kind::kMilestone:
        return say(event.milestone());
    case kind::kReturned:
        return say(event.returned());
    case kind::kDisposition:
        return say(event.disposition());
    case kind::BODY_NOT_SET:
        out.what = "an event without a content";
    }
}

} // namespace

event_words words_of(const v1::Event& event) {
    event_words out;
    tell(event, out);
    if (event.has_reversal())
        out.what = "taken back (event " + event.reversal().event_id() + "): " + out.what;
    if (event.has_error_declaration()) out.what = "declared wrong: " + out.what;
    for (const auto& reference : event.references())
        add(out.document, reference.type(), reference.id());
    out.person = event.user();
    if (event.has_occurred_at()) {
        timestamp at{event.occurred_at().seconds(), event.occurred_at().nanos()};
        if (in_range(at)) out.occurred_at = to_rfc3339(at);
    }
    for (auto* text : {&out.what, &out.item, &out.document, &out.person})
        *text = printable(*text);
    return out;
}

std::string time_text(std::int64_t microseconds_since_1970) {
    auto at = timestamp_from_us(microseconds_since_1970);
    return in_range(at) ? to_rfc3339(at) : "an impossible time";
}

std::string duration_text(double seconds) {
    auto count = [](std::uint64_t value, std::string_view unit) {
        return std::to_string(value) + " " + std::string(unit) + (value == 1 ? "" : "s");
    };
    auto whole = seconds > 0 ? static_cast<std::uint64_t>(seconds) : 0;
    if (whole < 60) return count(whole, "second");
    if (whole < 3600) return count(whole / 60, "minute");
    if (whole < 172'800)
        return count(whole / 3600, "hour") + " " + count(whole / 60 % 60, "minute");
    return count(whole / 86'400, "day") + " " + count(whole / 3600 % 24, "hour");
}

std::string bytes_text(std::uint64_t bytes) {
    constexpr std::array<const char*, 4> units = {"B", "KiB", "MiB", "GiB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    std::array<char, 32> out{};
    std::snprintf(out.data(), out.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return out.data();
}

} // namespace wharf::views
