// Where the schema's messages meet the values of gateway/base, and how the schema's names look in
// JSON. Any thread.
#pragma once

#include "gateway/base/decimal.hpp"
#include "gateway/base/time.hpp"
#include "wharf/v1/event.pb.h"

#include <string>
#include <string_view>

namespace wharf {

[[nodiscard]] result<decimal> from_proto(const wharf::v1::Decimal& value);
void to_proto(decimal value, wharf::v1::Decimal& out);

[[nodiscard]] inline timestamp from_proto(const google::protobuf::Timestamp& value) {
    return {value.seconds(), value.nanos()};
}
void to_proto(timestamp value, google::protobuf::Timestamp& out);

// STOCK_STATUS_IN_TRANSIT -> in_transit.
[[nodiscard]] std::string json_name(const google::protobuf::EnumValueDescriptor& value);
// Nothing where the enum has no such name; the unspecified value has none.
[[nodiscard]] const google::protobuf::EnumValueDescriptor*
enum_value(const google::protobuf::EnumDescriptor& type, std::string_view name);
// "available, allocated, quality ..."
[[nodiscard]] std::string json_names(const google::protobuf::EnumDescriptor& type);

// What came in, between quotes, fit for an error message: cut where long, control characters gone.
[[nodiscard]] std::string quoted(std::string_view text);

} // namespace wharf
