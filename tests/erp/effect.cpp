#include "tests/erp/effect.hpp"

#include "tests/erp/canonical_json.hpp"

#include <initializer_list>
#include <string_view>

namespace erp {
namespace {

using namespace wharf::v1;

// Builds one effect; a problem met on the way is kept and ends in a refusal.
class description {
  public:
    description(const Update& update, effect& out) : update_(update), out_(out) {}

    std::optional<refusal> run();

  private:
    StockKey complete(StockKey stock, const Quantity& quantity) const;
    nano_units amount_of(const Quantity& quantity);
    void subject(const StockKey& stock, const Quantity& quantity);
    void post(change how, const StockKey& stock, nano_units amount);
    void transfer(const StockKey& from, const StockKey& to, nano_units amount);
    void document(std::string type, const std::string& id, const std::string& line,
                  std::string state);

    void visit(const InventoryAdjusted& body);
    void visit(const InventoryCounted& body);
    void visit(const StockMoved& body);
    void visit(const StockStatusChanged& body);
    void visit(const Reserved& body);
    void visit(const Released& body);
    void visit(const Received& body);
    void visit(const Picked& body);
    void visit(const Packed& body);
    void visit(const Shipped& body);
    void visit(const Milestone& body);
    void visit(const Returned& body);
    void visit(const Disposition& body);
    void visit_body();

    const Update& update_;
    effect& out_;
    std::string problem_;
};

StockKey description::complete(StockKey stock, const Quantity& quantity) const {
    if (stock.site().empty()) stock.set_site(update_.site());
    if (stock.unit().empty()) stock.set_unit(quantity.unit());
    if (stock.status() == STOCK_STATUS_UNSPECIFIED) stock.set_status(STOCK_STATUS_AVAILABLE);
    return stock;
}

nano_units description::amount_of(const Quantity& quantity) {
    const auto amount = to_nano_units(quantity.value());
    if (!amount) problem_ = "the quantity has more than 18 digits or 9 decimals";
    return amount.value_or(0);
}

void description::subject(const StockKey& stock, const Quantity& quantity) {
    const StockKey full = complete(stock, quantity);
    out_.sku = full.sku().empty() ? full.gtin() : full.sku();
    if (out_.sku.empty()) problem_ = "the update names no item";
    out_.location = full.location();
    out_.stock_key = stock_key_text(full);
    out_.quantity = decimal_text(quantity.value());
    out_.unit = quantity.unit();
    out_.skus.push_back(out_.sku);
}

void description::post(change how, const StockKey& stock, nano_units amount) {
    out_.postings.push_back({how, stock_key_text(stock), amount, stock.location(),
                             stock.sku().empty() ? stock.gtin() : stock.sku(), stock.unit()});
}

void description::transfer(const StockKey& from, const StockKey& to, nano_units amount) {
    post(change::add, from, -amount);
    post(change::add, to, amount);
    out_.to_stock_key = stock_key_text(to);
    out_.skus.push_back(to.sku());
}

void description::document(std::string type, const std::string& id, const std::string& line,
                           std::string state) {
    out_.document_type = std::move(type);
    out_.document = id;
    out_.line = line;
    out_.document_state = std::move(state);
}

void description::visit(const InventoryAdjusted& body) {
    subject(body.stock(), body.delta());
    post(change::add, complete(body.stock(), body.delta()), amount_of(body.delta()));
    document("adjustment", body.document(), body.line(), body.reason());
}

void description::visit(const InventoryCounted& body) {
    subject(body.stock(), body.counted());
    post(change::set, complete(body.stock(), body.counted()), amount_of(body.counted()));
    document("count", body.document(), "", "revision " + std::to_string(body.revision()));
}

void description::visit(const StockMoved& body) {
    subject(body.from(), body.quantity());
    const StockKey from = complete(body.from(), body.quantity());
    // Where stock moves to: what it says of itself over what it was.
    StockKey to = from;
    to.MergeFrom(body.to());
    transfer(from, to, amount_of(body.quantity()));
    document("move_task", body.task(), body.line(), "moved");
}

void description::visit(const StockStatusChanged& body) {
    subject(body.stock(), body.quantity());
    const StockKey from = complete(body.stock(), body.quantity());
    StockKey to = from;
    to.set_status(body.new_status());
    transfer(from, to, amount_of(body.quantity()));
    document("status_change", body.document(), body.line(), body.reason());
}

void description::visit(const Reserved& body) {
    subject(body.stock(), body.quantity());
    post(change::reserve, complete(body.stock(), body.quantity()), amount_of(body.quantity()));
    document("reservation", body.document(), body.line(), "reserved");
}

void description::visit(const Released& body) {
    subject(body.stock(), body.quantity());
    post(change::reserve, complete(body.stock(), body.quantity()), -amount_of(body.quantity()));
    document("reservation", body.document(), body.line(), "released");
}

void description::visit(const Received& body) {
    subject(body.stock(), body.quantity());
    post(change::add, complete(body.stock(), body.quantity()), amount_of(body.quantity()));
    document("receipt", body.receipt(), body.line(), "received");
}

void description::visit(const Picked& body) {
    subject(body.stock(), body.quantity());
    post(change::add, complete(body.stock(), body.quantity()), -amount_of(body.quantity()));
    out_.cumulative = body.cumulative();
    document("pick_task", body.task(), body.line(), "picked");
}

void description::visit(const Packed& body) {
    for (const PackedLine& line : body.contents()) {
        out_.skus.push_back(line.stock().sku().empty() ? line.stock().gtin() : line.stock().sku());
    }
    const std::string& id = body.package().empty() ? body.sscc() : body.package();
    document("package", id, "", "packed, revision " + std::to_string(body.revision()));
}

void description::visit(const Shipped& body) {
    subject(body.stock(), body.quantity());
    document("shipment", body.shipment(), body.line(),
             "shipped, " + enum_text(*ShipmentExtent_descriptor(), body.extent()));
}

void description::visit(const Milestone& body) {
    document("shipment", body.shipment(), body.line(), body.code());
}

void description::visit(const Returned& body) {
    subject(body.stock(), body.quantity());
    StockKey stock = complete(body.stock(), body.quantity());
    stock.set_status(STOCK_STATUS_RETURNED);
    post(change::add, stock, amount_of(body.quantity()));
    document("rma", body.rma(), body.line(), "returned");
}

void description::visit(const Disposition& body) {
    subject(body.stock(), body.quantity());
    const StockKey from = complete(body.stock(), body.quantity());
    if (body.new_status() != STOCK_STATUS_UNSPECIFIED && body.new_status() != from.status()) {
        StockKey to = from;
        to.set_status(body.new_status());
        transfer(from, to, amount_of(body.quantity()));
    }
    document("rma", body.rma(), body.line(), body.step());
}

void description::visit_body() {
    const Event& event = update_.event();
    switch (event.body_case()) {
    case Event::kInventoryAdjusted:
        return visit(event.inventory_adjusted());
    case Event::kInventoryCounted:
        return visit(event.inventory_counted());
    case Event::kStockMoved:
        return visit(event.stock_moved());
    case Event::kStockStatusChanged:
        return visit(event.stock_status_changed());
    case Event::kReserved:
        return visit(event.reserved());
    case Event::kReleased:
        return visit(event.released());
    case Event::kReceived:
        return visit(event.received());
    case Event::kPicked:
        return visit(event.picked());
    case Event::kPacked:
        return visit(event.packed());
    case Event::kShipped:
        return visit(event.shipped());
    case Event::kMilestone:
        return visit(event.milestone());
    case Event::kReturned:
        return visit(event.returned());
    case Event::kDisposition:
        return visit(event.disposition());
    case Event::BODY_NOT_SET:
        problem_ = "the update says nothing that happened";
        return;
    }
}

std::optional<refusal> description::run() {
    visit_body();
    if (!problem_.empty()) return refusal{"invalid_update", problem_};
    const int number = static_cast<int>(update_.event().body_case());
    out_.kind = Event::descriptor()->FindFieldByNumber(number)->name();
    out_.reversed = update_.event().has_reversal() || update_.event().has_error_declaration();
    if (!out_.reversed) return std::nullopt;
    out_.document_state += ", taken back";
    // What was there before a count is not known: a count taken back only marks its document.
    if (out_.kind == "inventory_counted") out_.postings.clear();
    for (posting& entry : out_.postings)
        entry.amount = -entry.amount;
    return std::nullopt;
}

void append_escaped(std::string_view part, std::string& out) {
    for (const char c : part) {
        if (c == '|' || c == '\\') out.push_back('\\');
        out.push_back(c);
    }
}

} // namespace

std::string stock_key_text(const StockKey& stock) {
    const std::string status = enum_text(*StockStatus_descriptor(), stock.status());
    std::string text;
    bool first = true;
    for (const std::string_view part :
         {std::string_view(stock.site()), std::string_view(stock.location()),
          std::string_view(stock.sku()), std::string_view(stock.gtin()),
          std::string_view(stock.lot()), std::string_view(stock.serial()),
          std::string_view(stock.expiry()), std::string_view(status),
          std::string_view(stock.owner()), std::string_view(stock.unit()),
          std::string_view(stock.lpn())}) {
        if (!first) text.push_back('|');
        first = false;
        append_escaped(part, text);
    }
    return text;
}

std::optional<refusal> describe(const Update& update, effect& out) {
    return description(update, out).run();
}

} // namespace erp
