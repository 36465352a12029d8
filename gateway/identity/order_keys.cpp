#include "gateway/base/hash.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/codec/flat_event.hpp"
#include "gateway/codec/visit_body.hpp"
#include "gateway/identity/key_writer.hpp"
#include "gateway/identity/rules.hpp"

#include <algorithm>
#include <array>

namespace wharf {

namespace {

class order_keys {
  public:
    // Documents share one name space: an order is "document" to a reservation and "order" to a
    // pick. Two that only happen to have the same name delay each other, nothing more.
    template <class... Name> void documents(const Name&... names) { (document(names), ...); }

    void stock(const auto& key) { stock_in(key, key.status()); }
    // The stock as it becomes.
    void stock(const auto& key, wharf::v1::StockStatus status) {
        if (status != wharf::v1::STOCK_STATUS_UNSPECIFIED) stock_in(key, status);
    }

    void take(std::vector<std::uint64_t>& out) {
        const auto end = keys_.begin() + static_cast<std::ptrdiff_t>(count_);
        std::sort(keys_.begin(), end);
        out.assign(keys_.begin(), std::unique(keys_.begin(), end));
    }

  private:
    void stock_in(const auto& key, wharf::v1::StockStatus status) {
        add(key_writer(key_kind::stock).stock(key, status));
    }
    void document(std::string_view name) {
        if (name.empty()) return;
        add(document_key(name));
    }
    void add(const key_writer& key) { add(hash64(key.bytes())); }
    void add(std::uint64_t key) {
        WHARF_ASSERT(count_ < keys_.size());
        keys_[count_++] = key;
    }
    std::array<std::uint64_t, limits::k_order_keys_max> keys_; // up to count_
    std::size_t count_ = 0;
};

void put(order_keys& keys, const reads_as<wharf::v1::InventoryAdjusted> auto& body) {
    keys.documents(body.document());
    keys.stock(body.stock());
}

void put(order_keys& keys, const reads_as<wharf::v1::InventoryCounted> auto& body) {
    keys.documents(body.document());
    keys.stock(body.stock());
}

void put(order_keys& keys, const reads_as<wharf::v1::StockMoved> auto& body) {
    keys.documents(body.task());
    keys.stock(body.from());
    keys.stock(body.to());
}

void put(order_keys& keys, const reads_as<wharf::v1::StockStatusChanged> auto& body) {
    keys.documents(body.document());
    keys.stock(body.stock());
    keys.stock(body.stock(), body.new_status());
}

void put(order_keys& keys, const reads_as<wharf::v1::Reserved> auto& body) {
    keys.documents(body.document());
    keys.stock(body.stock());
}

void put(order_keys& keys, const reads_as<wharf::v1::Released> auto& body) {
    keys.documents(body.document());
    keys.stock(body.stock());
}

void put(order_keys& keys, const reads_as<wharf::v1::Received> auto& body) {
    keys.documents(body.receipt(), body.purchase_order());
    keys.stock(body.stock());
}

void put(order_keys& keys, const reads_as<wharf::v1::Picked> auto& body) {
    keys.documents(body.task(), body.order());
    keys.stock(body.stock());
}

// What is in a package and no longer in a place is no stock that anything else touches.
void put(order_keys& keys, const reads_as<wharf::v1::Packed> auto& body) {
    keys.documents(body.package(), body.sscc(), body.shipment(), body.order());
    for (int i = 0; i < body.contents_size(); ++i) {
        const auto& stock = body.contents(i).stock();
        if (!stock.location().empty()) keys.stock(stock);
    }
}

void put(order_keys& keys, const reads_as<wharf::v1::Shipped> auto& body) {
    keys.documents(body.shipment(), body.package(), body.order());
    keys.stock(body.stock());
}

void put(order_keys& keys, const reads_as<wharf::v1::Milestone> auto& body) {
    keys.documents(body.shipment(), body.package());
}

void put(order_keys& keys, const reads_as<wharf::v1::Returned> auto& body) {
    keys.documents(body.rma());
    keys.stock(body.stock());
}

void put(order_keys& keys, const reads_as<wharf::v1::Disposition> auto& body) {
    keys.documents(body.rma());
    keys.stock(body.stock());
    keys.stock(body.stock(), body.new_status());
}

void put_keys(const auto& event, std::vector<std::uint64_t>& out) {
    order_keys keys;
    visit_body(event, [&keys](const auto& body) { put(keys, body); });
    keys.take(out);
}

} // namespace

std::uint64_t document_key(std::string_view name) {
    return hash64(key_writer(key_kind::document).text(name).bytes());
}

std::vector<std::uint64_t> order_keys_of(const wharf::v1::Event& event) {
    std::vector<std::uint64_t> keys;
    put_keys(event, keys);
    return keys;
}
void order_keys_of(const wharf::v1::Event& event, std::vector<std::uint64_t>& keys) {
    put_keys(event, keys);
}
void order_keys_of(const flat::event_view& event, std::vector<std::uint64_t>& keys) {
    put_keys(event, keys);
}

} // namespace wharf
