#include "gateway/codec/wire_values.hpp"

#include "gateway/base/text.hpp"
#include <algorithm>

namespace wharf {

namespace {

constexpr std::size_t k_quoted_bytes_max = 64;

bool is_upper(char c) noexcept {
    return c >= 'A' && c <= 'Z';
}
char to_lower(char c) noexcept {
    return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}

// The values of StockStatus all begin with STOCK_STATUS_.
std::size_t prefix_size(const google::protobuf::EnumDescriptor& type) {
    const auto& name = type.name();
    return name.size() +
           static_cast<std::size_t>(std::count_if(name.begin(), name.end(), is_upper));
}

bool same_name(std::string_view upper, std::string_view lower) noexcept {
    return std::equal(upper.begin(), upper.end(), lower.begin(), lower.end(),
                      [](char a, char b) { return to_lower(a) == b; });
}

std::string_view without_prefix(const google::protobuf::EnumValueDescriptor& value) {
    return std::string_view(value.name()).substr(prefix_size(*value.type()));
}

} // namespace

result<decimal> from_proto(const wharf::v1::Decimal& value) {
    return decimal::make(value.coefficient(), value.scale());
}

void to_proto(decimal value, wharf::v1::Decimal& out) {
    out.set_coefficient(value.coefficient());
    out.set_scale(value.scale());
}

void to_proto(timestamp value, google::protobuf::Timestamp& out) {
    out.set_seconds(value.seconds);
    out.set_nanos(value.nanoseconds);
}

std::string json_name(const google::protobuf::EnumValueDescriptor& value) {
    std::string name(without_prefix(value));
    std::transform(name.begin(), name.end(), name.begin(), to_lower);
    return name;
}

const google::protobuf::EnumValueDescriptor*
enum_value(const google::protobuf::EnumDescriptor& type, std::string_view name) {
    for (int i = 0; i < type.value_count(); ++i) {
        const auto* value = type.value(i);
        if (value->number() != 0 && same_name(without_prefix(*value), name)) return value;
    }
    return nullptr;
}

std::string json_names(const google::protobuf::EnumDescriptor& type) {
    std::string names;
    for (int i = 0; i < type.value_count(); ++i) {
        if (type.value(i)->number() == 0) continue;
        if (!names.empty()) names.append(", ");
        names.append(json_name(*type.value(i)));
    }
    return names;
}

std::string quoted(std::string_view text) {
    const bool cut = text.size() > k_quoted_bytes_max;
    if (cut) {
        // Not in the middle of a character.
        auto size = k_quoted_bytes_max;
        while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80)
            --size;
        text = text.substr(0, size);
    }
    return "\"" + printable(text) + (cut ? "...\"" : "\"");
}

} // namespace wharf
