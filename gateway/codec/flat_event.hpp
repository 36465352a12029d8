// An event and its bodies as views of their bytes (flat_view.hpp). One thread at a time.
#pragma once

#include "gateway/codec/flat_view.hpp"

#include <utility>

namespace wharf::flat {

class inventory_adjusted_view : public view<wharf::v1::InventoryAdjusted> {
  public:
    using view::view;
    [[nodiscard]] bool has_stock() const { return has(proto::kStockFieldNumber); }
    [[nodiscard]] stock_key_view stock() const {
        return message<stock_key_view>(proto::kStockFieldNumber);
    }
    [[nodiscard]] stock_key_view mutable_stock() const { return stock(); }
    [[nodiscard]] bool has_delta() const { return has(proto::kDeltaFieldNumber); }
    [[nodiscard]] quantity_view delta() const {
        return message<quantity_view>(proto::kDeltaFieldNumber);
    }
    [[nodiscard]] std::string_view reason() const { return text(proto::kReasonFieldNumber); }
    [[nodiscard]] std::string_view document() const { return text(proto::kDocumentFieldNumber); }
    [[nodiscard]] std::string_view line() const { return text(proto::kLineFieldNumber); }
};

class inventory_counted_view : public view<wharf::v1::InventoryCounted> {
  public:
    using view::view;
    [[nodiscard]] bool has_stock() const { return has(proto::kStockFieldNumber); }
    [[nodiscard]] stock_key_view stock() const {
        return message<stock_key_view>(proto::kStockFieldNumber);
    }
    [[nodiscard]] stock_key_view mutable_stock() const { return stock(); }
    [[nodiscard]] bool has_counted() const { return has(proto::kCountedFieldNumber); }
    [[nodiscard]] quantity_view counted() const {
        return message<quantity_view>(proto::kCountedFieldNumber);
    }
    [[nodiscard]] std::string_view document() const { return text(proto::kDocumentFieldNumber); }
    [[nodiscard]] std::uint32_t revision() const { return number(proto::kRevisionFieldNumber); }
};

class stock_moved_view : public view<wharf::v1::StockMoved> {
  public:
    using view::view;
    [[nodiscard]] bool has_from() const { return has(proto::kFromFieldNumber); }
    [[nodiscard]] stock_key_view from() const {
        return message<stock_key_view>(proto::kFromFieldNumber);
    }
    [[nodiscard]] stock_key_view mutable_from() const { return from(); }
    [[nodiscard]] bool has_to() const { return has(proto::kToFieldNumber); }
    [[nodiscard]] stock_key_view to() const {
        return message<stock_key_view>(proto::kToFieldNumber);
    }
    [[nodiscard]] stock_key_view mutable_to() const { return to(); }
    [[nodiscard]] bool has_quantity() const { return has(proto::kQuantityFieldNumber); }
    [[nodiscard]] quantity_view quantity() const {
        return message<quantity_view>(proto::kQuantityFieldNumber);
    }
    [[nodiscard]] std::string_view task() const { return text(proto::kTaskFieldNumber); }
    [[nodiscard]] std::string_view line() const { return text(proto::kLineFieldNumber); }
    [[nodiscard]] std::uint32_t sequence() const { return number(proto::kSequenceFieldNumber); }
};

class stock_status_changed_view : public view<wharf::v1::StockStatusChanged> {
  public:
    using view::view;
    [[nodiscard]] bool has_stock() const { return has(proto::kStockFieldNumber); }
    [[nodiscard]] stock_key_view stock() const {
        return message<stock_key_view>(proto::kStockFieldNumber);
    }
    [[nodiscard]] stock_key_view mutable_stock() const { return stock(); }
    [[nodiscard]] wharf::v1::StockStatus new_status() const {
        return number<wharf::v1::StockStatus>(proto::kNewStatusFieldNumber);
    }
    [[nodiscard]] bool has_quantity() const { return has(proto::kQuantityFieldNumber); }
    [[nodiscard]] quantity_view quantity() const {
        return message<quantity_view>(proto::kQuantityFieldNumber);
    }
    [[nodiscard]] std::string_view document() const { return text(proto::kDocumentFieldNumber); }
    [[nodiscard]] std::string_view line() const { return text(proto::kLineFieldNumber); }
    [[nodiscard]] std::uint32_t sequence() const { return number(proto::kSequenceFieldNumber); }
};

class reserved_view : public view<wharf::v1::Reserved> {
  public:
    using view::view;
    [[nodiscard]] bool has_stock() const { return has(proto::kStockFieldNumber); }
    [[nodiscard]] stock_key_view stock() const {
        return message<stock_key_view>(proto::kStockFieldNumber);
    }
    [[nodiscard]] stock_key_view mutable_stock() const { return stock(); }
    [[nodiscard]] bool has_quantity() const { return has(proto::kQuantityFieldNumber); }
    [[nodiscard]] quantity_view quantity() const {
        return message<quantity_view>(proto::kQuantityFieldNumber);
    }
    [[nodiscard]] std::string_view document() const { return text(proto::kDocumentFieldNumber); }
    [[nodiscard]] std::string_view line() const { return text(proto::kLineFieldNumber); }
    [[nodiscard]] std::uint32_t sequence() const { return number(proto::kSequenceFieldNumber); }
};

class released_view : public view<wharf::v1::Released> {
  public:
    using view::view;
    [[nodiscard]] bool has_stock() const { return has(proto::kStockFieldNumber); }
    [[nodiscard]] stock_key_view stock() const {
        return message<stock_key_view>(proto::kStockFieldNumber);
    }
    [[nodiscard]] stock_key_view mutable_stock() const { return stock(); }
    [[nodiscard]] bool has_quantity() const { return has(proto::kQuantityFieldNumber); }
    [[nodiscard]] quantity_view quantity() const {
        return message<quantity_view>(proto::kQuantityFieldNumber);
    }
    [[nodiscard]] std::string_view document() const { return text(proto::kDocumentFieldNumber); }
    [[nodiscard]] std::string_view line() const { return text(proto::kLineFieldNumber); }
    [[nodiscard]] std::uint32_t sequence() const { return number(proto::kSequenceFieldNumber); }
};

class received_view : public view<wharf::v1::Received> {
  public:
    using view::view;
    [[nodiscard]] bool has_stock() const { return has(proto::kStockFieldNumber); }
    [[nodiscard]] stock_key_view stock() const {
        return message<stock_key_view>(proto::kStockFieldNumber);
    }
    [[nodiscard]] stock_key_view mutable_stock() const { return stock(); }
    [[nodiscard]] bool has_quantity() const { return has(proto::kQuantityFieldNumber); }
    [[nodiscard]] quantity_view quantity() const {
        return message<quantity_view>(proto::kQuantityFieldNumber);
    }
    [[nodiscard]] std::string_view receipt() const { return text(proto::kReceiptFieldNumber); }
    [[nodiscard]] std::string_view line() const { return text(proto::kLineFieldNumber); }
    [[nodiscard]] std::uint32_t sequence() const { return number(proto::kSequenceFieldNumber); }
    [[nodiscard]] std::string_view purchase_order() const {
        return text(proto::kPurchaseOrderFieldNumber);
    }
};

class picked_view : public view<wharf::v1::Picked> {
  public:
    using view::view;
    [[nodiscard]] bool has_stock() const { return has(proto::kStockFieldNumber); }
    [[nodiscard]] stock_key_view stock() const {
        return message<stock_key_view>(proto::kStockFieldNumber);
    }
    [[nodiscard]] stock_key_view mutable_stock() const { return stock(); }
    [[nodiscard]] bool has_quantity() const { return has(proto::kQuantityFieldNumber); }
    [[nodiscard]] quantity_view quantity() const {
        return message<quantity_view>(proto::kQuantityFieldNumber);
    }
    [[nodiscard]] std::string_view task() const { return text(proto::kTaskFieldNumber); }
    [[nodiscard]] std::string_view line() const { return text(proto::kLineFieldNumber); }
    [[nodiscard]] std::uint32_t sequence() const { return number(proto::kSequenceFieldNumber); }
    [[nodiscard]] std::string_view order() const { return text(proto::kOrderFieldNumber); }
};

class packed_line_view : public view<wharf::v1::PackedLine> {
  public:
    using view::view;
    [[nodiscard]] bool has_stock() const { return has(proto::kStockFieldNumber); }
    [[nodiscard]] stock_key_view stock() const {
        return message<stock_key_view>(proto::kStockFieldNumber);
    }
    [[nodiscard]] stock_key_view mutable_stock() const { return stock(); }
    [[nodiscard]] bool has_quantity() const { return has(proto::kQuantityFieldNumber); }
    [[nodiscard]] quantity_view quantity() const {
        return message<quantity_view>(proto::kQuantityFieldNumber);
    }
};

class packed_view : public view<wharf::v1::Packed> {
  public:
    using view::view;
    [[nodiscard]] std::string_view package() const { return text(proto::kPackageFieldNumber); }
    [[nodiscard]] std::string_view sscc() const { return text(proto::kSsccFieldNumber); }
    [[nodiscard]] std::uint32_t revision() const { return number(proto::kRevisionFieldNumber); }
    [[nodiscard]] std::string_view shipment() const { return text(proto::kShipmentFieldNumber); }
    [[nodiscard]] std::string_view order() const { return text(proto::kOrderFieldNumber); }
    [[nodiscard]] int contents_size() const { return count(proto::kContentsFieldNumber); }
    [[nodiscard]] packed_line_view contents(int index) const {
        return {*in_, row(proto::kContentsFieldNumber, index)};
    }
    [[nodiscard]] packed_line_view mutable_contents(int index) const { return contents(index); }
};

class shipped_view : public view<wharf::v1::Shipped> {
  public:
    using view::view;
    [[nodiscard]] bool has_stock() const { return has(proto::kStockFieldNumber); }
    [[nodiscard]] stock_key_view stock() const {
        return message<stock_key_view>(proto::kStockFieldNumber);
    }
    [[nodiscard]] stock_key_view mutable_stock() const { return stock(); }
    [[nodiscard]] bool has_quantity() const { return has(proto::kQuantityFieldNumber); }
    [[nodiscard]] quantity_view quantity() const {
        return message<quantity_view>(proto::kQuantityFieldNumber);
    }
    [[nodiscard]] std::string_view shipment() const { return text(proto::kShipmentFieldNumber); }
    [[nodiscard]] std::string_view package() const { return text(proto::kPackageFieldNumber); }
    [[nodiscard]] std::string_view line() const { return text(proto::kLineFieldNumber); }
    [[nodiscard]] std::uint32_t revision() const { return number(proto::kRevisionFieldNumber); }
    [[nodiscard]] wharf::v1::ShipmentExtent extent() const {
        return number<wharf::v1::ShipmentExtent>(proto::kExtentFieldNumber);
    }
    [[nodiscard]] std::string_view order() const { return text(proto::kOrderFieldNumber); }
};

class milestone_view : public view<wharf::v1::Milestone> {
  public:
    using view::view;
    [[nodiscard]] std::string_view shipment() const { return text(proto::kShipmentFieldNumber); }
    [[nodiscard]] std::string_view package() const { return text(proto::kPackageFieldNumber); }
    [[nodiscard]] std::string_view line() const { return text(proto::kLineFieldNumber); }
    [[nodiscard]] std::uint32_t revision() const { return number(proto::kRevisionFieldNumber); }
    [[nodiscard]] std::string_view code() const { return text(proto::kCodeFieldNumber); }
};

class returned_view : public view<wharf::v1::Returned> {
  public:
    using view::view;
    [[nodiscard]] bool has_stock() const { return has(proto::kStockFieldNumber); }
    [[nodiscard]] stock_key_view stock() const {
        return message<stock_key_view>(proto::kStockFieldNumber);
    }
    [[nodiscard]] stock_key_view mutable_stock() const { return stock(); }
    [[nodiscard]] bool has_quantity() const { return has(proto::kQuantityFieldNumber); }
    [[nodiscard]] quantity_view quantity() const {
        return message<quantity_view>(proto::kQuantityFieldNumber);
    }
    [[nodiscard]] std::string_view rma() const { return text(proto::kRmaFieldNumber); }
    [[nodiscard]] std::string_view line() const { return text(proto::kLineFieldNumber); }
    [[nodiscard]] std::uint32_t sequence() const { return number(proto::kSequenceFieldNumber); }
};

class disposition_view : public view<wharf::v1::Disposition> {
  public:
    using view::view;
    [[nodiscard]] bool has_stock() const { return has(proto::kStockFieldNumber); }
    [[nodiscard]] stock_key_view stock() const {
        return message<stock_key_view>(proto::kStockFieldNumber);
    }
    [[nodiscard]] stock_key_view mutable_stock() const { return stock(); }
    [[nodiscard]] bool has_quantity() const { return has(proto::kQuantityFieldNumber); }
    [[nodiscard]] quantity_view quantity() const {
        return message<quantity_view>(proto::kQuantityFieldNumber);
    }
    [[nodiscard]] std::string_view rma() const { return text(proto::kRmaFieldNumber); }
    [[nodiscard]] std::string_view line() const { return text(proto::kLineFieldNumber); }
    [[nodiscard]] std::uint32_t sequence() const { return number(proto::kSequenceFieldNumber); }
    [[nodiscard]] std::string_view step() const { return text(proto::kStepFieldNumber); }
    [[nodiscard]] wharf::v1::StockStatus new_status() const {
        return number<wharf::v1::StockStatus>(proto::kNewStatusFieldNumber);
    }
};

class event_view : public view<wharf::v1::Event> {
  public:
    using view::view;
    [[nodiscard]] std::string_view source() const { return text(proto::kSourceFieldNumber); }
    void set_source(std::string_view value) const { set_text(proto::kSourceFieldNumber, value); }
    [[nodiscard]] std::string_view event_id() const { return text(proto::kEventIdFieldNumber); }
    void set_event_id(std::string_view value) const { set_text(proto::kEventIdFieldNumber, value); }
    [[nodiscard]] std::string_view correlation_id() const {
        return text(proto::kCorrelationIdFieldNumber);
    }
    void set_correlation_id(std::string_view value) const {
        set_text(proto::kCorrelationIdFieldNumber, value);
    }
    [[nodiscard]] std::string_view traceparent() const {
        return text(proto::kTraceparentFieldNumber);
    }
    void set_traceparent(std::string_view value) const {
        set_text(proto::kTraceparentFieldNumber, value);
    }
    [[nodiscard]] std::string_view tracestate() const {
        return text(proto::kTracestateFieldNumber);
    }
    void set_tracestate(std::string_view value) const {
        set_text(proto::kTracestateFieldNumber, value);
    }
    [[nodiscard]] bool has_device_sequence() const {
        return has(proto::kDeviceSequenceFieldNumber);
    }
    [[nodiscard]] std::uint64_t device_sequence() const {
        return number<std::uint64_t>(proto::kDeviceSequenceFieldNumber);
    }
    [[nodiscard]] bool has_occurred_at() const { return has(proto::kOccurredAtFieldNumber); }
    [[nodiscard]] int references_size() const { return count(proto::kReferencesFieldNumber); }
    [[nodiscard]] reference_view references(int index) const {
        return {*in_, row(proto::kReferencesFieldNumber, index)};
    }
    [[nodiscard]] bool has_error_declaration() const {
        return has(proto::kErrorDeclarationFieldNumber);
    }
    [[nodiscard]] error_declaration_view error_declaration() const {
        return message<error_declaration_view>(proto::kErrorDeclarationFieldNumber);
    }
    [[nodiscard]] bool has_reversal() const { return has(proto::kReversalFieldNumber); }
    [[nodiscard]] reversal_view reversal() const {
        return message<reversal_view>(proto::kReversalFieldNumber);
    }
    [[nodiscard]] reversal_view mutable_reversal() const { return reversal(); }
    [[nodiscard]] proto::BodyCase body_case() const {
        return static_cast<proto::BodyCase>(in_->body());
    }
    template <class Body> [[nodiscard]] Body body() const {
        return message<Body>(static_cast<int>(in_->body()));
    }
};

// As the visit_body() of protobuf's event.
template <class Function> decltype(auto) visit_body(const event_view& of, Function&& f) {
    using kind = wharf::v1::Event;
    switch (of.body_case()) {
    case kind::kInventoryAdjusted:
        return f(of.body<inventory_adjusted_view>());
    case kind::kInventoryCounted:
        return f(of.body<inventory_counted_view>());
    case kind::kStockMoved:
        return f(of.body<stock_moved_view>());
    case kind::kStockStatusChanged:
        return f(of.body<stock_status_changed_view>());
    case kind::kReserved:
        return f(of.body<reserved_view>());
    case kind::kReleased:
        return f(of.body<released_view>());
    case kind::kReceived:
        return f(of.body<received_view>());
    case kind::kPicked:
        return f(of.body<picked_view>());
    case kind::kPacked:
        return f(of.body<packed_view>());
    case kind::kShipped:
        return f(of.body<shipped_view>());
    case kind::kMilestone:
        return f(of.body<milestone_view>());
    case kind::kReturned:
        return f(of.body<returned_view>());
    case kind::kDisposition:
        return f(of.body<disposition_view>());
    case kind::BODY_NOT_SET:
        break;
    }
    assertion_failed("the event has a body", __FILE__, __LINE__);
}

} // namespace wharf::flat
