#include "gateway/ingest/trigger.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/codec/flat_event.hpp"
#include "gateway/codec/visit_body.hpp"

namespace wharf {

namespace {

void put(std::string& key, std::initializer_list<std::string_view> parts) {
    for (const auto part : parts)
        put_short_string(key, part);
}

void put_item(std::string& key, const reads_as<wharf::v1::StockKey> auto& stock) {
    put(key,
        {stock.sku(), stock.gtin(), stock.lot(), stock.serial(), stock.lpn(), stock.location()});
}

// Most kinds belong to one document.
template <class Body> void put_line(std::string& key, const Body& body, std::string_view document) {
    put_item(key, body.stock());
    put(key, {document, body.line()});
}

void put_body(std::string& key, const reads_as<wharf::v1::InventoryAdjusted> auto& body) {
    put_line(key, body, body.document());
}
void put_body(std::string& key, const reads_as<wharf::v1::InventoryCounted> auto& body) {
    put_item(key, body.stock());
    put(key, {body.document()});
}
void put_body(std::string& key, const reads_as<wharf::v1::StockMoved> auto& body) {
    put_item(key, body.from());
    put(key, {body.to().location(), body.task(), body.line()});
}
void put_body(std::string& key, const reads_as<wharf::v1::StockStatusChanged> auto& body) {
    put_line(key, body, body.document());
}
void put_body(std::string& key, const reads_as<wharf::v1::Reserved> auto& body) {
    put_line(key, body, body.document());
}
void put_body(std::string& key, const reads_as<wharf::v1::Released> auto& body) {
    put_line(key, body, body.document());
}
void put_body(std::string& key, const reads_as<wharf::v1::Received> auto& body) {
    put_line(key, body, body.receipt());
}
void put_body(std::string& key, const reads_as<wharf::v1::Picked> auto& body) {
    put_line(key, body, body.task());
}
void put_body(std::string& key, const reads_as<wharf::v1::Packed> auto& body) {
    put(key, {body.package(), body.sscc(), body.shipment()});
}
void put_body(std::string& key, const reads_as<wharf::v1::Shipped> auto& body) {
    put_line(key, body, body.shipment());
    put(key, {body.package()});
}
void put_body(std::string& key, const reads_as<wharf::v1::Milestone> auto& body) {
    put(key, {body.shipment(), body.package(), body.line(), body.code()});
}
void put_body(std::string& key, const reads_as<wharf::v1::Returned> auto& body) {
    put_line(key, body, body.rma());
}
void put_body(std::string& key, const reads_as<wharf::v1::Disposition> auto& body) {
    put_line(key, body, body.rma());
    put(key, {body.step()});
}

std::string key_of(const auto& event, std::string_view device) {
    std::string key;
    put(key, {device});
    key.push_back(static_cast<char>(event.body_case()));
    // Taking something back is no second trigger of the thing itself.
    key.push_back(event.has_reversal() ? 1 : 0);
    visit_body(event, [&key](const auto& body) { put_body(key, body); });
    return key;
}

} // namespace

std::string trigger_key_of(const wharf::v1::Event& event, std::string_view device) {
    return key_of(event, device);
}
std::string trigger_key_of(const flat::event_view& event, std::string_view device) {
    return key_of(event, device);
}

} // namespace wharf
