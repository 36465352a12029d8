#include "gateway/codec/base64.hpp"
#include "gateway/codec/json_codec.hpp"
#include "gateway/codec/wire_values.hpp"

#include <google/protobuf/descriptor.h>

#include <array>
#include <charconv>
#include <vector>

namespace wharf {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

template <class T> void append_number(T value, std::string& out) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out.append(digits.data(), end);
}

template <class T> void append_quoted_number(T value, std::string& out) {
    out.push_back('"');
    append_number(value, out);
    out.push_back('"');
}

void append_submessage(const Message& value, std::string& out) {
    const auto* type = value.GetDescriptor();
    if (type == wharf::v1::Decimal::descriptor()) {
        const auto number = from_proto(static_cast<const wharf::v1::Decimal&>(value));
        out.push_back('"');
        number.value().append_to(out);
        out.push_back('"');
        return;
    }
    if (type == google::protobuf::Timestamp::descriptor()) {
        out.push_back('"');
        append_rfc3339(from_proto(static_cast<const google::protobuf::Timestamp&>(value)), out);
        out.push_back('"');
        return;
    }
    message_to_json(value, out);
}

void append_text(const FieldDescriptor* field, const std::string& text, std::string& out) {
    if (field->type() != FieldDescriptor::TYPE_BYTES) {
        append_json_string(text, out);
        return;
    }
    out.push_back('"');
    append_base64(text, out);
    out.push_back('"');
}

// A number that the enum does not name stands for itself: the message came from a newer schema.
void append_enum(const FieldDescriptor* field, int number, std::string& out) {
    const auto* value = field->enum_type()->FindValueByNumber(number);
    if (value == nullptr) {
        append_number(number, out);
        return;
    }
    out.append("\"").append(json_name(*value)).append("\"");
}

void append_single(const Message& message, const FieldDescriptor* field, std::string& out) {
    const auto& reflection = *message.GetReflection();
    switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
        out.append(reflection.GetBool(message, field) ? "true" : "false");
        return;
    case FieldDescriptor::CPPTYPE_INT32:
        return append_number(reflection.GetInt32(message, field), out);
    case FieldDescriptor::CPPTYPE_UINT32:
        return append_number(reflection.GetUInt32(message, field), out);
    case FieldDescriptor::CPPTYPE_INT64:
        return append_quoted_number(reflection.GetInt64(message, field), out);
    case FieldDescriptor::CPPTYPE_UINT64:
        return append_quoted_number(reflection.GetUInt64(message, field), out);
    case FieldDescriptor::CPPTYPE_ENUM:
        return append_enum(field, reflection.GetEnumValue(message, field), out);
    case FieldDescriptor::CPPTYPE_STRING: {
        std::string scratch;
        return append_text(field, reflection.GetStringReference(message, field, &scratch), out);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
        return append_submessage(reflection.GetMessage(message, field), out);
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
        break;
    }
    WHARF_ASSERT(false && "the schema has no floats");
}

void append_element(const Message& message, const FieldDescriptor* field, int at,
                    std::string& out) {
    const auto& reflection = *message.GetReflection();
    switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
        out.append(reflection.GetRepeatedBool(message, field, at) ? "true" : "false");
        return;
    case FieldDescriptor::CPPTYPE_INT32:
        return append_number(reflection.GetRepeatedInt32(message, field, at), out);
    case FieldDescriptor::CPPTYPE_UINT32:
        return append_number(reflection.GetRepeatedUInt32(message, field, at), out);
    case FieldDescriptor::CPPTYPE_INT64:
        return append_quoted_number(reflection.GetRepeatedInt64(message, field, at), out);
    case FieldDescriptor::CPPTYPE_UINT64:
        return append_quoted_number(reflection.GetRepeatedUInt64(message, field, at), out);
    case FieldDescriptor::CPPTYPE_ENUM:
        return append_enum(field, reflection.GetRepeatedEnumValue(message, field, at), out);
    case FieldDescriptor::CPPTYPE_STRING: {
        std::string scratch;
        return append_text(
            field, reflection.GetRepeatedStringReference(message, field, at, &scratch), out);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
        return append_submessage(reflection.GetRepeatedMessage(message, field, at), out);
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
        break;
    }
    WHARF_ASSERT(false && "the schema has no floats");
}

void append_array(const Message& message, const FieldDescriptor* field, std::string& out) {
    const int size = message.GetReflection()->FieldSize(message, field);
    out.push_back('[');
    for (int at = 0; at < size; ++at) {
        if (at > 0) out.push_back(',');
        append_element(message, field, at, out);
    }
    out.push_back(']');
}

} // namespace

void message_to_json(const Message& message, std::string& out) {
    std::vector<const FieldDescriptor*> fields; // ordered by number
    message.GetReflection()->ListFields(message, &fields);
    out.push_back('{');
    for (bool first = true; const auto* field : fields) {
        if (!first) out.push_back(',');
        first = false;
        out.append("\"").append(field->name()).append("\":");
        if (field->is_repeated()) {
            append_array(message, field, out);
        } else {
            append_single(message, field, out);
        }
    }
    out.push_back('}');
}

void append_json_string(std::string_view text, std::string& out) {
    static constexpr char k_digits[] = "0123456789abcdef";
    out.push_back('"');
    std::size_t copied = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto c = static_cast<unsigned char>(text[at]);
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        out.append(text.substr(copied, at - copied));
        copied = at + 1;
        switch (c) {
        case '"':
            out.append("\\\"");
            break;
        case '\\':
            out.append("\\\\");
            break;
        case '\n':
            out.append("\\n");
            break;
        case '\r':
            out.append("\\r");
            break;
        case '\t':
            out.append("\\t");
            break;
        default:
            out.append("\\u00").append({k_digits[c >> 4], k_digits[c & 0xf]});
            break;
        }
    }
    out.append(text.substr(copied)).push_back('"');
}

} // namespace wharf
