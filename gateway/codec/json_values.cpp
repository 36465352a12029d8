// The part of json_reader that puts scalars into fields.
#include "gateway/codec/base64.hpp"
#include "gateway/codec/json_reader.hpp"
#include "gateway/codec/wire_values.hpp"

#include <charconv>
#include <limits>

namespace wharf {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

template <class T> bool fits(bool negative, std::uint64_t magnitude) noexcept {
    if (!negative) return magnitude <= static_cast<std::uint64_t>(std::numeric_limits<T>::max());
    if constexpr (std::is_unsigned_v<T>) return false;
    return magnitude <= static_cast<std::uint64_t>(std::numeric_limits<T>::max()) + 1;
}

template <class T> T value_of(bool negative, std::uint64_t magnitude) noexcept {
    return static_cast<T>(negative ? 0 - magnitude : magnitude);
}

// A 64-bit number in a string: digits only, one way to write each.
struct integer_text {
    bool negative = false;
    std::uint64_t magnitude = 0;
};
std::optional<integer_text> parse_integer(std::string_view text) noexcept {
    integer_text out;
    out.negative = !text.empty() && text.front() == '-';
    if (out.negative) text.remove_prefix(1);
    if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
    const auto end = text.data() + text.size();
    const auto [stop, code] = std::from_chars(text.data(), end, out.magnitude);
    if (code != std::errc() || stop != end) return std::nullopt;
    if (out.negative && out.magnitude == 0) return std::nullopt;
    return out;
}

} // namespace

bool json_reader::store_integer(const FieldDescriptor& field, bool negative,
                                std::uint64_t magnitude, std::string_view text) {
    auto* target = frames_.back().target;
    const auto& reflection = *target->GetReflection();
    const bool add = field.is_repeated();
    switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: {
        if (!fits<std::int32_t>(negative, magnitude)) return expected(field, text);
        const auto value = value_of<std::int32_t>(negative, magnitude);
        add ? reflection.AddInt32(target, &field, value)
            : reflection.SetInt32(target, &field, value);
        return true;
    }
    case FieldDescriptor::CPPTYPE_UINT32: {
        if (!fits<std::uint32_t>(negative, magnitude)) return expected(field, text);
        const auto value = value_of<std::uint32_t>(negative, magnitude);
        add ? reflection.AddUInt32(target, &field, value)
            : reflection.SetUInt32(target, &field, value);
        return true;
    }
    case FieldDescriptor::CPPTYPE_INT64: {
        if (!fits<std::int64_t>(negative, magnitude)) return expected(field, text);
        const auto value = value_of<std::int64_t>(negative, magnitude);
        add ? reflection.AddInt64(target, &field, value)
            : reflection.SetInt64(target, &field, value);
        return true;
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
        if (!fits<std::uint64_t>(negative, magnitude)) return expected(field, text);
        add ? reflection.AddUInt64(target, &field, magnitude)
            : reflection.SetUInt64(target, &field, magnitude);
        return true;
    }
    default:
        return expected(field, text);
    }
}

bool json_reader::store_text(const FieldDescriptor& field, std::string& value) {
    auto* target = frames_.back().target;
    const auto& reflection = *target->GetReflection();
    const bool add = field.is_repeated();
    switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
        if (field.type() == FieldDescriptor::TYPE_BYTES) {
            auto bytes = from_base64(value);
            if (!bytes) return expected(field, quoted(value));
            value = std::move(*bytes);
        }
        add ? reflection.AddString(target, &field, std::move(value))
            : reflection.SetString(target, &field, std::move(value));
        return true;
    }
    case FieldDescriptor::CPPTYPE_ENUM: {
        const auto* named = enum_value(*field.enum_type(), value);
        if (named == nullptr) return expected(field, quoted(value));
        add ? reflection.AddEnum(target, &field, named) : reflection.SetEnum(target, &field, named);
        return true;
    }
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT64: {
        const auto number = parse_integer(value);
        if (!number) return expected(field, quoted(value));
        return store_integer(field, number->negative, number->magnitude, quoted(value));
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
        return store_in_message(field, value);
    default:
        return expected(field, quoted(value));
    }
}

bool json_reader::store_in_message(const FieldDescriptor& field, const std::string& value) {
    if (field.message_type() == wharf::v1::Decimal::descriptor()) {
        const auto number = decimal::parse(value);
        if (!number) return fail(number.failure().message, quoted(value));
        to_proto(*number, static_cast<wharf::v1::Decimal&>(*child(field)));
        return true;
    }
    if (field.message_type() == google::protobuf::Timestamp::descriptor()) {
        const auto time = parse_rfc3339(value);
        if (!time) return fail(time.failure().message, quoted(value));
        to_proto(*time, static_cast<google::protobuf::Timestamp&>(*child(field)));
        return true;
    }
    return expected(field, "a string");
}

} // namespace wharf
