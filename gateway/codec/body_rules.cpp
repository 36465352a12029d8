#include "gateway/codec/body_rules.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/base/time.hpp"
#include "gateway/codec/field_rules.hpp"
#include "gateway/codec/flat_event.hpp"
#include "gateway/codec/visit_body.hpp"
#include "gateway/codec/wire_values.hpp"

#include <google/protobuf/descriptor.h>

namespace wharf {

namespace {

using flat::editable;
using flat::text_for;
using wharf::v1::Quantity;
using wharf::v1::StockKey;

enum class location : std::uint8_t { required, may_be_empty };

// --- stock ---------------------------------------------------------------------------------------

// An SSCC has 18 digits, so a licence plate of 18 digits is taken for one: a misread is the
// likelier reason for a wrong check digit than a site numbering its own plates that way.
bool looks_like_sscc(std::string_view plate) noexcept {
    return plate.size() == 18 && plate.find_first_not_of("0123456789") == plate.npos;
}

template <class Stock> status fill_site(const place& at, Stock& stock, std::string_view site) {
    if (stock.site().empty()) stock.set_site(text_for<Stock>(site));
    if (stock.site() == site) return ok();
    return unexpected({&at, "site"}, "expected the topic's site " + quoted(site),
                      quoted(stock.site()));
}

template <class Stock> status fill_unit(const place& at, Stock& stock, std::string_view unit) {
    if (stock.unit().empty()) stock.set_unit(text_for<Stock>(unit));
    if (stock.unit() == unit) return ok();
    return unexpected({&at, "unit"}, "expected the quantity's unit " + quoted(unit),
                      quoted(stock.unit()));
}

template <class Stock>
requires reads_as<Stock, StockKey> status check_stock(const place& at, Stock&& stock,
                                                      std::string_view site, std::string_view unit,
                                                      location where = location::required) {
    WHARF_TRY(fill_site(at, stock, site));
    if (where == location::required) WHARF_TRY(check_required(at, "location", stock.location()));
    if (stock.sku().empty() && stock.gtin().empty())
        return unexpected({&at, "sku"}, "sku or gtin is required");
    WHARF_TRY(check_gtin({&at, "gtin"}, stock.gtin()));
    if (!stock.expiry().empty()) {
        if (auto date = check_date(stock.expiry()); !date.ok())
            return unexpected({&at, "expiry"}, date.failure().message, quoted(stock.expiry()));
    }
    if (stock.status() == wharf::v1::STOCK_STATUS_UNSPECIFIED)
        stock.set_status(wharf::v1::STOCK_STATUS_AVAILABLE);
    WHARF_TRY(fill_unit(at, stock, unit));
    if (looks_like_sscc(stock.lpn())) WHARF_TRY(check_sscc({&at, "lpn"}, stock.lpn()));
    return ok();
}

// What most kinds are: so much of that stock.
template <class Body>
status check_stock_of(const place& at, Body& body, std::string_view site, std::string_view name,
                      bool present, sign wanted, const auto& quantity_of) {
    if (!present) return unexpected({&at, name}, "required");
    const auto& quantity = quantity_of(body);
    WHARF_TRY(check_quantity({&at, name}, quantity, wanted));
    if (!body.has_stock()) return unexpected({&at, "stock"}, "required");
    return check_stock({&at, "stock"}, editable(body.mutable_stock()), site, quantity.unit());
}

template <class Body>
status check_stock_of(const place& at, Body& body, std::string_view site,
                      sign wanted = sign::more_than_zero) {
    return check_stock_of(at, body, site, "quantity", body.has_quantity(), wanted,
                          [](const Body& of) -> decltype(auto) { return of.quantity(); });
}

// Fields that the destination of a move does not give are those of its origin.
void fill_from(StockKey& to, const StockKey& from) {
    StockKey filled = from;
    filled.MergeFrom(to); // proto3: a field left empty does not overwrite
    to = std::move(filled);
}
void fill_from(flat::stock_key_view to, flat::stock_key_view from) {
    to.fill_from(from);
}

bool same(const StockKey& a, const StockKey& b) {
    return a.SerializeAsString() == b.SerializeAsString();
}
bool same(flat::stock_key_view a, flat::stock_key_view b) {
    return a.same(b);
}

// --- the kinds -----------------------------------------------------------------------------------

status check(const place& at, reads_as<wharf::v1::InventoryAdjusted> auto& body,
             std::string_view site) {
    WHARF_TRY(check_stock_of(at, body, site, "delta", body.has_delta(), sign::not_zero,
                             [](const auto& of) -> decltype(auto) { return of.delta(); }));
    return check_required(at, "reason", body.reason());
}

status check(const place& at, reads_as<wharf::v1::InventoryCounted> auto& body,
             std::string_view site) {
    return check_stock_of(at, body, site, "counted", body.has_counted(), sign::not_negative,
                          [](const auto& of) -> decltype(auto) { return of.counted(); });
}

status check(const place& at, reads_as<wharf::v1::StockMoved> auto& body, std::string_view site) {
    if (!body.has_quantity()) return unexpected({&at, "quantity"}, "required");
    WHARF_TRY(check_quantity({&at, "quantity"}, body.quantity(), sign::more_than_zero));
    if (!body.has_from()) return unexpected({&at, "from"}, "required");
    if (!body.has_to()) return unexpected({&at, "to"}, "required");
    const std::string_view unit = body.quantity().unit();
    WHARF_TRY(check_stock({&at, "from"}, editable(body.mutable_from()), site, unit));
    fill_from(editable(body.mutable_to()), body.from());
    WHARF_TRY(check_stock({&at, "to"}, editable(body.mutable_to()), site, unit));
    if (same(body.from(), body.to()))
        return unexpected({&at, "to"}, "expected to differ from `from` in at least one field");
    return ok();
}

status check(const place& at, reads_as<wharf::v1::StockStatusChanged> auto& body,
             std::string_view site) {
    WHARF_TRY(check_stock_of(at, body, site));
    if (body.new_status() == wharf::v1::STOCK_STATUS_UNSPECIFIED)
        return unexpected({&at, "new_status"}, "required");
    if (body.new_status() == body.stock().status())
        return unexpected({&at, "new_status"}, "expected another status than stock.status");
    return ok();
}

status check(const place& at, reads_as<wharf::v1::Reserved> auto& body, std::string_view site) {
    return check_stock_of(at, body, site);
}

status check(const place& at, reads_as<wharf::v1::Released> auto& body, std::string_view site) {
    return check_stock_of(at, body, site);
}

status check(const place& at, reads_as<wharf::v1::Received> auto& body, std::string_view site) {
    return check_stock_of(at, body, site);
}

status check(const place& at, reads_as<wharf::v1::Picked> auto& body, std::string_view site) {
    return check_stock_of(at, body, site, sign::not_negative);
}

status check(const place& at, reads_as<wharf::v1::Packed> auto& body, std::string_view site) {
    if (body.package().empty() && body.sscc().empty())
        return unexpected({&at, "package"}, "package or sscc is required");
    WHARF_TRY(check_sscc({&at, "sscc"}, body.sscc()));
    if (static_cast<std::size_t>(body.contents_size()) > limits::k_packed_lines_max) {
        return unexpected({&at, "contents"},
                          "expected at most " + std::to_string(limits::k_packed_lines_max) +
                              " lines",
                          std::to_string(body.contents_size()));
    }
    for (int i = 0; i < body.contents_size(); ++i) {
        auto&& line = editable(body.mutable_contents(i));
        const place here{&at, "contents", i};
        if (!line.has_quantity()) return unexpected({&here, "quantity"}, "required");
        WHARF_TRY(check_quantity({&here, "quantity"}, line.quantity(), sign::more_than_zero));
        if (!line.has_stock()) return unexpected({&here, "stock"}, "required");
        WHARF_TRY(check_stock({&here, "stock"}, editable(line.mutable_stock()), site,
                              line.quantity().unit(), location::may_be_empty));
    }
    return ok();
}

status check(const place& at, reads_as<wharf::v1::Shipped> auto& body, std::string_view site) {
    WHARF_TRY(check_stock_of(at, body, site));
    WHARF_TRY(check_required(at, "shipment", body.shipment()));
    if (body.extent() == wharf::v1::SHIPMENT_EXTENT_UNSPECIFIED)
        return unexpected({&at, "extent"}, "required: partial or final");
    return ok();
}

status check(const place& at, reads_as<wharf::v1::Milestone> auto& body, std::string_view) {
    WHARF_TRY(check_required(at, "shipment", body.shipment()));
    return check_required(at, "code", body.code());
}

status check(const place& at, reads_as<wharf::v1::Returned> auto& body, std::string_view site) {
    WHARF_TRY(check_stock_of(at, body, site));
    return check_required(at, "rma", body.rma());
}

status check(const place& at, reads_as<wharf::v1::Disposition> auto& body, std::string_view site) {
    WHARF_TRY(check_stock_of(at, body, site));
    WHARF_TRY(check_required(at, "rma", body.rma()));
    return check_required(at, "step", body.step());
}

template <class Event> status check_any(Event& event, std::string_view site) {
    using kind = wharf::v1::Event;
    if (event.body_case() == kind::BODY_NOT_SET)
        return error{errc::invalid,
                     "expected one of the event kinds, such as inventory_adjusted, got none"};
    const place at{nullptr, kind::descriptor()->FindFieldByNumber(event.body_case())->name()};
    return visit_body(event, [&](auto&& body) { return check(at, body, site); });
}

} // namespace

status check_body(wharf::v1::Event& event, std::string_view site) {
    return check_any(event, site);
}
status check_body(flat::event_view& event, std::string_view site) {
    return check_any(event, site);
}

} // namespace wharf
