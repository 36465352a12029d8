#include "gateway/codec/body_rules.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/base/time.hpp"
#include "gateway/codec/field_rules.hpp"
#include "gateway/codec/visit_body.hpp"
#include "gateway/codec/wire_values.hpp"

#include <google/protobuf/descriptor.h>

namespace wharf {

namespace {

using wharf::v1::Quantity;
using wharf::v1::StockKey;

enum class location : std::uint8_t { required, may_be_empty };

// --- stock ---------------------------------------------------------------------------------------

// An SSCC has 18 digits, so a licence plate of 18 digits is taken for one: a misread is the
// likelier reason for a wrong check digit than a site numbering its own plates that way.
bool looks_like_sscc(std::string_view plate) noexcept {
    return plate.size() == 18 && plate.find_first_not_of("0123456789") == plate.npos;
}

status fill_site(const place& at, StockKey& stock, std::string_view site) {
    if (stock.site().empty()) stock.set_site(std::string(site));
    if (stock.site() == site) return ok();
    return unexpected({&at, "site"}, "expected the topic's site " + quoted(site),
                      quoted(stock.site()));
}

status fill_unit(const place& at, StockKey& stock, const std::string& unit) {
    if (stock.unit().empty()) stock.set_unit(unit);
    if (stock.unit() == unit) return ok();
    return unexpected({&at, "unit"}, "expected the quantity's unit " + quoted(unit),
                      quoted(stock.unit()));
}

status check_stock(const place& at, StockKey& stock, std::string_view site, const std::string& unit,
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
                      bool present, const Quantity& quantity, sign wanted) {
    if (!present) return unexpected({&at, name}, "required");
    WHARF_TRY(check_quantity({&at, name}, quantity, wanted));
    if (!body.has_stock()) return unexpected({&at, "stock"}, "required");
    return check_stock({&at, "stock"}, *body.mutable_stock(), site, quantity.unit());
}

template <class Body>
status check_stock_of(const place& at, Body& body, std::string_view site,
                      sign wanted = sign::more_than_zero) {
    return check_stock_of(at, body, site, "quantity", body.has_quantity(), body.quantity(), wanted);
}

// Fields that the destination of a move does not give are those of its origin.
void fill_from(StockKey& to, const StockKey& from) {
    StockKey filled = from;
    filled.MergeFrom(to); // proto3: a field left empty does not overwrite
    to = std::move(filled);
}

// --- the kinds -----------------------------------------------------------------------------------

status check(const place& at, wharf::v1::InventoryAdjusted& body, std::string_view site) {
    WHARF_TRY(
        check_stock_of(at, body, site, "delta", body.has_delta(), body.delta(), sign::not_zero));
    return check_required(at, "reason", body.reason());
}

status check(const place& at, wharf::v1::InventoryCounted& body, std::string_view site) {
    return check_stock_of(at, body, site, "counted", body.has_counted(), body.counted(),
                          sign::not_negative);
}

status check(const place& at, wharf::v1::StockMoved& body, std::string_view site) {
    if (!body.has_quantity()) return unexpected({&at, "quantity"}, "required");
    WHARF_TRY(check_quantity({&at, "quantity"}, body.quantity(), sign::more_than_zero));
    if (!body.has_from()) return unexpected({&at, "from"}, "required");
    if (!body.has_to()) return unexpected({&at, "to"}, "required");
    const auto& unit = body.quantity().unit();
    WHARF_TRY(check_stock({&at, "from"}, *body.mutable_from(), site, unit));
    fill_from(*body.mutable_to(), body.from());
    WHARF_TRY(check_stock({&at, "to"}, *body.mutable_to(), site, unit));
    if (body.from().SerializeAsString() == body.to().SerializeAsString())
        return unexpected({&at, "to"}, "expected to differ from `from` in at least one field");
    return ok();
}

status check(const place& at, wharf::v1::StockStatusChanged& body, std::string_view site) {
    WHARF_TRY(check_stock_of(at, body, site));
    if (body.new_status() == wharf::v1::STOCK_STATUS_UNSPECIFIED)
        return unexpected({&at, "new_status"}, "required");
    if (body.new_status() == body.stock().status())
        return unexpected({&at, "new_status"}, "expected another status than stock.status");
    return ok();
}

status check(const place& at, wharf::v1::Reserved& body, std::string_view site) {
    return check_stock_of(at, body, site);
}

status check(const place& at, wharf::v1::Released& body, std::string_view site) {
    return check_stock_of(at, body, site);
}

status check(const place& at, wharf::v1::Received& body, std::string_view site) {
    return check_stock_of(at, body, site);
}

status check(const place& at, wharf::v1::Picked& body, std::string_view site) {
    return check_stock_of(at, body, site, sign::not_negative);
}

status check(const place& at, wharf::v1::Packed& body, std::string_view site) {
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
        auto& line = *body.mutable_contents(i);
        const place here{&at, "contents", i};
        if (!line.has_quantity()) return unexpected({&here, "quantity"}, "required");
        WHARF_TRY(check_quantity({&here, "quantity"}, line.quantity(), sign::more_than_zero));
        if (!line.has_stock()) return unexpected({&here, "stock"}, "required");
        WHARF_TRY(check_stock({&here, "stock"}, *line.mutable_stock(), site, line.quantity().unit(),
                              location::may_be_empty));
    }
    return ok();
}

status check(const place& at, wharf::v1::Shipped& body, std::string_view site) {
    WHARF_TRY(check_stock_of(at, body, site));
    WHARF_TRY(check_required(at, "shipment", body.shipment()));
    if (body.extent() == wharf::v1::SHIPMENT_EXTENT_UNSPECIFIED)
        return unexpected({&at, "extent"}, "required: partial or final");
    return ok();
}

status check(const place& at, wharf::v1::Milestone& body, std::string_view) {
    WHARF_TRY(check_required(at, "shipment", body.shipment()));
    return check_required(at, "code", body.code());
}

status check(const place& at, wharf::v1::Returned& body, std::string_view site) {
    WHARF_TRY(check_stock_of(at, body, site));
    return check_required(at, "rma", body.rma());
}

status check(const place& at, wharf::v1::Disposition& body, std::string_view site) {
    WHARF_TRY(check_stock_of(at, body, site));
    WHARF_TRY(check_required(at, "rma", body.rma()));
    return check_required(at, "step", body.step());
}

} // namespace

status check_body(wharf::v1::Event& event, std::string_view site) {
    using kind = wharf::v1::Event;
    if (event.body_case() == kind::BODY_NOT_SET)
        return error{errc::invalid,
                     "expected one of the event kinds, such as inventory_adjusted, got none"};
    const place at{nullptr, kind::descriptor()->FindFieldByNumber(event.body_case())->name()};
    return visit_body(event, [&](auto& body) { return check(at, body, site); });
}

} // namespace wharf
