// Messages over their bytes (flat_message.hpp), with the names that protobuf gives to their fields,
// so that a rule is written once for both: it takes a `const reads_as<wharf::v1::Picked> auto&`.
// What is set must outlive the message; so must the bytes. One thread at a time.
#pragma once

#include "gateway/base/assert.hpp"
#include "gateway/codec/flat_message.hpp"
#include "wharf/v1/event.pb.h"

#include <google/protobuf/wire_format_lite.h>

#include <concepts>
#include <optional>
#include <string>
#include <type_traits>

namespace wharf::flat {

// A message in its event. Copied freely; all copies are the same message.
template <class Proto> class view {
  public:
    using proto = Proto;
    view(flat_message& in, std::size_t row) : in_(&in), row_(row) {}

  protected:
    [[nodiscard]] const flat_slot& at(int field) const {
        return in_->slot(row_, static_cast<std::size_t>(field));
    }
    void set(int field, const flat_slot& value) const {
        in_->set(row_, static_cast<std::size_t>(field), value);
    }
    [[nodiscard]] std::string_view text(int field) const {
        return {at(field).text, at(field).size};
    }
    void set_text(int field, std::string_view value) const {
        set(field, {{value.data()}, static_cast<std::uint32_t>(value.size()), 0});
    }
    template <class T = std::uint32_t> [[nodiscard]] T number(int field) const {
        return static_cast<T>(at(field).number);
    }
    [[nodiscard]] bool has(int field) const {
        return in_->has(row_, static_cast<std::size_t>(field));
    }
    [[nodiscard]] int count(int field) const { return static_cast<int>(at(field).size); }
    // REQUIRES: it has it. (Protobuf would give an empty one.)
    template <class View> [[nodiscard]] View message(int field) const {
        WHARF_ASSERT(has(field));
        return {*in_, static_cast<std::size_t>(at(field).number)};
    }
    // REQUIRES: index < count(field).
    [[nodiscard]] std::size_t row(int field, int index) const {
        auto row = static_cast<std::size_t>(at(field).number);
        for (auto left = count(field) - 1 - index; left > 0; --left)
            row = in_->slot(row, 0).before;
        return row;
    }

    flat_message* in_;
    std::size_t row_;
};

// A type of protobuf or the view of one.
template <class T> struct proto_type { using type = T; };
template <class T>
requires requires {
    typename T::proto;
}
struct proto_type<T> {
    using type = typename T::proto;
};

// A field's message that is to be changed.
template <class T> T& editable(T* message) {
    return *message;
}
template <class T>
requires requires {
    typename T::proto;
}
T editable(T message) {
    return message;
}

// A text as the message takes it.
template <class Message> auto text_for(std::string_view text) {
    if constexpr (requires { typename Message::proto; })
        return text;
    else
        return std::string(text);
}

class decimal_view : public view<wharf::v1::Decimal> {
  public:
    using view::view;
    [[nodiscard]] std::int64_t coefficient() const {
        return google::protobuf::internal::WireFormatLite::ZigZagDecode64(
            number<std::uint64_t>(proto::kCoefficientFieldNumber));
    }
    [[nodiscard]] std::uint32_t scale() const { return number(proto::kScaleFieldNumber); }
};

class timestamp_view : public view<google::protobuf::Timestamp> {
  public:
    using view::view;
    [[nodiscard]] std::int64_t seconds() const {
        return number<std::int64_t>(proto::kSecondsFieldNumber);
    }
    [[nodiscard]] std::int32_t nanos() const {
        return number<std::int32_t>(proto::kNanosFieldNumber);
    }
};

class quantity_view : public view<wharf::v1::Quantity> {
  public:
    using view::view;
    [[nodiscard]] bool has_value() const { return has(proto::kValueFieldNumber); }
    [[nodiscard]] decimal_view value() const {
        return message<decimal_view>(proto::kValueFieldNumber);
    }
    [[nodiscard]] std::string_view unit() const { return text(proto::kUnitFieldNumber); }
};

class stock_key_view : public view<wharf::v1::StockKey> {
  public:
    using view::view;
    [[nodiscard]] std::string_view site() const { return text(proto::kSiteFieldNumber); }
    void set_site(std::string_view value) const { set_text(proto::kSiteFieldNumber, value); }
    [[nodiscard]] std::string_view location() const { return text(proto::kLocationFieldNumber); }
    [[nodiscard]] std::string_view sku() const { return text(proto::kSkuFieldNumber); }
    [[nodiscard]] std::string_view gtin() const { return text(proto::kGtinFieldNumber); }
    [[nodiscard]] std::string_view lot() const { return text(proto::kLotFieldNumber); }
    [[nodiscard]] std::string_view serial() const { return text(proto::kSerialFieldNumber); }
    [[nodiscard]] std::string_view expiry() const { return text(proto::kExpiryFieldNumber); }
    [[nodiscard]] wharf::v1::StockStatus status() const {
        return number<wharf::v1::StockStatus>(proto::kStatusFieldNumber);
    }
    void set_status(wharf::v1::StockStatus value) const {
        flat_slot slot{};
        slot.number = value;
        set(proto::kStatusFieldNumber, slot);
    }
    [[nodiscard]] std::string_view owner() const { return text(proto::kOwnerFieldNumber); }
    [[nodiscard]] std::string_view unit() const { return text(proto::kUnitFieldNumber); }
    void set_unit(std::string_view value) const { set_text(proto::kUnitFieldNumber, value); }
    [[nodiscard]] std::string_view lpn() const { return text(proto::kLpnFieldNumber); }

    // What is not given here is what it is there.
    void fill_from(const stock_key_view& other) const {
        for (int field = 1; field <= k_fields; ++field)
            if (is_default(field)) set(field, other.at(field));
    }
    [[nodiscard]] bool same(const stock_key_view& other) const {
        for (int field = 1; field <= k_fields; ++field)
            if (field != proto::kStatusFieldNumber && text(field) != other.text(field))
                return false;
        return status() == other.status();
    }

  private:
    static constexpr int k_fields = proto::kLpnFieldNumber; // all of them texts but the status
    [[nodiscard]] bool is_default(int field) const {
        return field == proto::kStatusFieldNumber ? at(field).number == 0 : at(field).size == 0;
    }
};

class reference_view : public view<wharf::v1::Reference> {
  public:
    using view::view;
    [[nodiscard]] std::string_view type() const { return text(proto::kTypeFieldNumber); }
    [[nodiscard]] std::string_view id() const { return text(proto::kIdFieldNumber); }
};

class error_declaration_view : public view<wharf::v1::ErrorDeclaration> {
  public:
    using view::view;
    [[nodiscard]] bool has_declared_at() const { return has(proto::kDeclaredAtFieldNumber); }
    [[nodiscard]] timestamp_view declared_at() const {
        return message<timestamp_view>(proto::kDeclaredAtFieldNumber);
    }
    [[nodiscard]] int corrective_event_ids_size() const {
        return count(proto::kCorrectiveEventIdsFieldNumber);
    }
    [[nodiscard]] std::string_view corrective_event_ids(int index) const {
        const auto& each = in_->slot(row(proto::kCorrectiveEventIdsFieldNumber, index), 1);
        return {each.text, each.size};
    }
};

class reversal_view : public view<wharf::v1::Reversal> {
  public:
    using view::view;
    [[nodiscard]] std::string_view event_id() const { return text(proto::kEventIdFieldNumber); }
    [[nodiscard]] std::string_view source() const { return text(proto::kSourceFieldNumber); }
    void set_source(std::string_view value) const { set_text(proto::kSourceFieldNumber, value); }
};

} // namespace wharf::flat

namespace wharf {

template <class T, class Proto>
concept reads_as = std::same_as<typename flat::proto_type<std::remove_cvref_t<T>>::type, Proto>;

} // namespace wharf
