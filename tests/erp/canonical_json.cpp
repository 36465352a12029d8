#include "tests/erp/canonical_json.hpp"

#include "tests/erp/decimal.hpp"

#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>
#include <nlohmann/json.hpp>

#include <charconv>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

namespace erp {
namespace {

namespace pb = google::protobuf;
using nlohmann::json;
using field_type = pb::FieldDescriptor::CppType;

// The prefix of a value's name is its type's name in upper case: StockStatus, STOCK_STATUS_.
std::string enum_prefix(const pb::EnumDescriptor& type) {
    std::string prefix;
    for (const char c : type.name()) {
        const bool upper = c >= 'A' && c <= 'Z';
        if (upper && !prefix.empty()) prefix.push_back('_');
        prefix.push_back(upper ? c : static_cast<char>(c - 'a' + 'A'));
    }
    prefix.push_back('_');
    return prefix;
}

[[noreturn]] void wrong(const std::string& path, const std::string& expected) {
    throw std::invalid_argument(path + ": " + expected);
}

const std::string& text_of(const json& value, const std::string& path, const char* expected) {
    if (!value.is_string()) wrong(path, expected);
    return value.get_ref<const std::string&>();
}

template <typename number> number integer_of(const json& value, const std::string& path) {
    constexpr auto low = std::numeric_limits<number>::min();
    constexpr auto high = std::numeric_limits<number>::max();
    if (value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        number result{};
        const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), result);
        if (fault == std::errc{} && end == text.data() + text.size()) return result;
    } else if (value.is_number_unsigned()) {
        const auto result = value.get<std::uint64_t>();
        if (std::in_range<number>(result)) return static_cast<number>(result);
    } else if (value.is_number_integer()) {
        const auto result = value.get<std::int64_t>();
        if (std::in_range<number>(result)) return static_cast<number>(result);
    }
    wrong(path, "expected an integer from " + std::to_string(low) + " to " + std::to_string(high));
}

int enum_of(const json& value, const pb::EnumDescriptor& type, const std::string& path) {
    const std::string& text = text_of(value, path, "expected a name");
    std::string name = enum_prefix(type);
    for (const char c : text) {
        const bool lower = c >= 'a' && c <= 'z';
        name.push_back(lower ? static_cast<char>(c - 'a' + 'A') : c == '_' ? c : '?');
    }
    const pb::EnumValueDescriptor* found = type.FindValueByName(name);
    if (found == nullptr) wrong(path, "'" + text + "' is no " + std::string(type.name()));
    return found->number();
}

void read_message(const json& value, pb::Message& message, const std::string& path);

void read_child(const json& value, pb::Message& child, const std::string& path) {
    if (auto* decimal = dynamic_cast<wharf::v1::Decimal*>(&child)) {
        const auto parsed = parse_decimal(text_of(value, path, "expected a decimal in a string"));
        if (!parsed) wrong(path, "expected a decimal of at most 18 digits, 9 after the point");
        *decimal = *parsed;
    } else if (auto* time = dynamic_cast<pb::Timestamp*>(&child)) {
        const std::string& text = text_of(value, path, "expected an RFC 3339 time");
        if (!pb::util::TimeUtil::FromString(text, time)) wrong(path, "expected an RFC 3339 time");
    } else {
        read_message(value, child, path);
    }
}

void read_single(const json& value, pb::Message& message, const pb::FieldDescriptor& field,
                 const std::string& path) {
    const pb::Reflection& access = *message.GetReflection();
    switch (field.cpp_type()) {
    case field_type::CPPTYPE_STRING:
        return access.SetString(&message, &field, text_of(value, path, "expected a string"));
    case field_type::CPPTYPE_BOOL:
        if (!value.is_boolean()) wrong(path, "expected true or false");
        return access.SetBool(&message, &field, value.get<bool>());
    case field_type::CPPTYPE_UINT32:
        return access.SetUInt32(&message, &field, integer_of<std::uint32_t>(value, path));
    case field_type::CPPTYPE_INT32:
        return access.SetInt32(&message, &field, integer_of<std::int32_t>(value, path));
    case field_type::CPPTYPE_UINT64:
        return access.SetUInt64(&message, &field, integer_of<std::uint64_t>(value, path));
    case field_type::CPPTYPE_INT64:
        return access.SetInt64(&message, &field, integer_of<std::int64_t>(value, path));
    case field_type::CPPTYPE_ENUM:
        return access.SetEnumValue(&message, &field, enum_of(value, *field.enum_type(), path));
    case field_type::CPPTYPE_MESSAGE:
        return read_child(value, *access.MutableMessage(&message, &field), path);
    default:
        wrong(path, "a type the contract does not use");
    }
}

void read_repeated(const json& value, pb::Message& message, const pb::FieldDescriptor& field,
                   const std::string& path) {
    const pb::Reflection& access = *message.GetReflection();
    if (!value.is_array()) wrong(path, "expected a list");
    std::size_t index = 0;
    for (const json& element : value) {
        const std::string place = path + "[" + std::to_string(index++) + "]";
        if (field.cpp_type() == field_type::CPPTYPE_MESSAGE) {
            read_child(element, *access.AddMessage(&message, &field), place);
        } else if (field.cpp_type() == field_type::CPPTYPE_STRING) {
            access.AddString(&message, &field, text_of(element, place, "expected a string"));
        } else {
            wrong(place, "a list the contract does not use");
        }
    }
}

void read_message(const json& value, pb::Message& message, const std::string& path) {
    if (!value.is_object()) wrong(path.empty() ? "the body" : path, "expected an object");
    const pb::Descriptor& type = *message.GetDescriptor();
    for (const auto& [name, element] : value.items()) {
        const std::string place = path.empty() ? name : path + "." + name;
        const pb::FieldDescriptor* field = type.FindFieldByName(name);
        if (field == nullptr) wrong(place, "no such field");
        const pb::OneofDescriptor* choice = field->real_containing_oneof();
        if (choice != nullptr && message.GetReflection()->HasOneof(message, choice)) {
            wrong(place, "a second " + std::string(choice->name()));
        }
        if (field->is_repeated()) {
            read_repeated(element, message, *field, place);
        } else {
            read_single(element, message, *field, place);
        }
    }
}

void write_text(std::string_view text, std::string& out) {
    static constexpr char k_hex[] = "0123456789abcdef";
    out.push_back('"');
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (static_cast<unsigned char>(c) < 0x20) {
            out += "\\u00";
            out.push_back(k_hex[static_cast<unsigned char>(c) >> 4]);
            out.push_back(k_hex[c & 0xf]);
        } else {
            out.push_back(c);
        }
    }
    out.push_back('"');
}

void write_message(const pb::Message& message, std::string& out);

void write_child(const pb::Message& child, std::string& out) {
    if (const auto* decimal = dynamic_cast<const wharf::v1::Decimal*>(&child)) {
        write_text(decimal_text(*decimal), out);
    } else if (const auto* time = dynamic_cast<const pb::Timestamp*>(&child)) {
        write_text(pb::util::TimeUtil::ToString(*time), out);
    } else {
        write_message(child, out);
    }
}

void write_single(const pb::Message& message, const pb::FieldDescriptor& field, std::string& out) {
    const pb::Reflection& access = *message.GetReflection();
    std::string scratch;
    switch (field.cpp_type()) {
    case field_type::CPPTYPE_STRING:
        return write_text(access.GetStringReference(message, &field, &scratch), out);
    case field_type::CPPTYPE_BOOL:
        out += access.GetBool(message, &field) ? "true" : "false";
        return;
    case field_type::CPPTYPE_UINT32:
        out += std::to_string(access.GetUInt32(message, &field));
        return;
    case field_type::CPPTYPE_INT32:
        out += std::to_string(access.GetInt32(message, &field));
        return;
    case field_type::CPPTYPE_UINT64:
        return write_text(std::to_string(access.GetUInt64(message, &field)), out);
    case field_type::CPPTYPE_INT64:
        return write_text(std::to_string(access.GetInt64(message, &field)), out);
    case field_type::CPPTYPE_ENUM:
        return write_text(enum_text(*field.enum_type(), access.GetEnumValue(message, &field)), out);
    case field_type::CPPTYPE_MESSAGE:
        return write_child(access.GetMessage(message, &field), out);
    default:
        throw std::logic_error("a type the contract does not use");
    }
}

void write_repeated(const pb::Message& message, const pb::FieldDescriptor& field,
                    std::string& out) {
    const pb::Reflection& access = *message.GetReflection();
    out.push_back('[');
    for (int index = 0; index < access.FieldSize(message, &field); ++index) {
        if (index > 0) out.push_back(',');
        if (field.cpp_type() == field_type::CPPTYPE_MESSAGE) {
            write_child(access.GetRepeatedMessage(message, &field, index), out);
        } else {
            write_text(access.GetRepeatedString(message, &field, index), out);
        }
    }
    out.push_back(']');
}

void write_message(const pb::Message& message, std::string& out) {
    std::vector<const pb::FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    out.push_back('{');
    for (const pb::FieldDescriptor* field : fields) {
        if (out.back() != '{') out.push_back(',');
        write_text(field->name(), out);
        out.push_back(':');
        if (field->is_repeated()) {
            write_repeated(message, *field, out);
        } else {
            write_single(message, *field, out);
        }
    }
    out.push_back('}');
}

} // namespace

bool from_json(std::string_view text, pb::Message& message, std::string& error) {
    try {
        read_message(json::parse(text), message, "");
        return true;
    } catch (const std::exception& fault) {
        error = fault.what();
        return false;
    }
}

std::string to_json(const pb::Message& message) {
    std::string out;
    write_message(message, out);
    return out;
}

bool has_unknown_fields(const pb::Message& message) {
    const pb::Reflection& access = *message.GetReflection();
    if (!access.GetUnknownFields(message).empty()) return true;
    std::vector<const pb::FieldDescriptor*> fields;
    access.ListFields(message, &fields);
    for (const pb::FieldDescriptor* field : fields) {
        if (field->cpp_type() != field_type::CPPTYPE_MESSAGE) continue;
        if (!field->is_repeated()) {
            if (has_unknown_fields(access.GetMessage(message, field))) return true;
            continue;
        }
        for (int index = 0; index < access.FieldSize(message, field); ++index) {
            if (has_unknown_fields(access.GetRepeatedMessage(message, field, index))) return true;
        }
    }
    return false;
}

std::string enum_text(const pb::EnumDescriptor& type, int number) {
    const pb::EnumValueDescriptor* value = type.FindValueByNumber(number);
    if (value == nullptr) return std::to_string(number);
    std::string text(value->name().substr(enum_prefix(type).size()));
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
}

} // namespace erp
