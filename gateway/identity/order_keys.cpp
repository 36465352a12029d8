#include "gateway/base/hash.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/codec/visit_body.hpp"
#include "gateway/identity/key_writer.hpp"
#include "gateway/identity/rules.hpp"

#include <algorithm>

namespace wharf {

namespace {

class order_keys {
  public:
    // Documents share one name space: an order is "document" to a reservation and "order" to a
    // pick. Two that only happen to have the same name delay each other, nothing more.
    template <class... Name> void documents(const Name&... names) { (document(names), ...); }

    void stock(const wharf::v1::StockKey& key) {
        keys_.push_back(hash64(key_writer(key_kind::stock).stock(key).bytes()));
    }
    // The stock as it becomes.
    void stock(wharf::v1::StockKey key, wharf::v1::StockStatus status) {
        if (status == wharf::v1::STOCK_STATUS_UNSPECIFIED) return;
        key.set_status(status);
        stock(key);
    }

    [[nodiscard]] std::vector<std::uint64_t> take() {
        std::sort(keys_.begin(), keys_.end());
        keys_.erase(std::unique(keys_.begin(), keys_.end()), keys_.end());
        WHARF_ASSERT(keys_.size() <= limits::k_order_keys_max);
        return std::move(keys_);
    }

  private:
    void document(const std::string& name) {
        if (name.empty()) return;
        keys_.push_back(hash64(key_writer(key_kind::document).text(name).bytes()));
    }
    std::vector<std::uint64_t> keys_;
};

void put(order_keys& keys, const wharf::v1::InventoryAdjusted& body) {
    keys.documents(body.document());
    keys.stock(body.stock());
}

void put(order_keys& keys, const wharf::v1::InventoryCounted& body) {
    keys.documents(body.document());
    keys.stock(body.stock());
}

void put(order_keys& keys, const wharf::v1::StockMoved& body) {
    keys.documents(body.task());
    keys.stock(body.from());
    keys.stock(body.to());
}

void put(order_keys& keys, const wharf::v1::StockStatusChanged& body) {
    keys.documents(body.document());
    keys.stock(body.stock());
    keys.stock(body.stock(), body.new_status());
}

void put(order_keys& keys, const wharf::v1::Reserved& body) {
    keys.documents(body.document());
    keys.stock(body.stock());
}

void put(order_keys& keys, const wharf::v1::Released& body) {
    keys.documents(body.document());
    keys.stock(body.stock());
}

void put(order_keys& keys, const wharf::v1::Received& body) {
    keys.documents(body.receipt(), body.purchase_order());
    keys.stock(body.stock());
}

void put(order_keys& keys, const wharf::v1::Picked& body) {
    keys.documents(body.task(), body.order());
    keys.stock(body.stock());
}

// What is in a package and no longer in a place is no stock that anything else touches.
void put(order_keys& keys, const wharf::v1::Packed& body) {
    keys.documents(body.package(), body.sscc(), body.shipment(), body.order());
    for (const auto& line : body.contents())
        if (!line.stock().location().empty()) keys.stock(line.stock());
}

void put(order_keys& keys, const wharf::v1::Shipped& body) {
    keys.documents(body.shipment(), body.package(), body.order());
    keys.stock(body.stock());
}

void put(order_keys& keys, const wharf::v1::Milestone& body) {
    keys.documents(body.shipment(), body.package());
}

void put(order_keys& keys, const wharf::v1::Returned& body) {
    keys.documents(body.rma());
    keys.stock(body.stock());
}

void put(order_keys& keys, const wharf::v1::Disposition& body) {
    keys.documents(body.rma());
    keys.stock(body.stock());
    keys.stock(body.stock(), body.new_status());
}

} // namespace

std::vector<std::uint64_t> order_keys_of(const wharf::v1::Event& event) {
    order_keys keys;
    visit_body(event, [&keys](const auto& body) { put(keys, body); });
    return keys.take();
}

} // namespace wharf
