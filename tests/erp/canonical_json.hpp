// The schema's canonical JSON, read and written through protobuf reflection: names as in the
// .proto, a Decimal is a string, a Timestamp is RFC 3339, an enum is its lower-case name without
// the prefix, 64-bit integers are strings, defaults are left out. Reading is strict: what is not in
// the schema is an error that names the field. Pure.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

namespace erp {

// False, with what is wrong and where in `error`, when the text is not such a message.
[[nodiscard]] bool from_json(std::string_view text, google::protobuf::Message& message,
                             std::string& error);

[[nodiscard]] std::string to_json(const google::protobuf::Message& message);

// The same strictness for protobuf bytes, which may carry fields the schema does not know.
[[nodiscard]] bool has_unknown_fields(const google::protobuf::Message& message);

// "ITEM_STATUS_NOT_HELD" is "not_held".
[[nodiscard]] std::string enum_text(const google::protobuf::EnumDescriptor& type, int number);

} // namespace erp
