#include "gateway/codec/field_rules.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/codec/flat_view.hpp"
#include "gateway/codec/wire_values.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/stubs/common.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace wharf {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_upper_or_digit(char c) noexcept {
    return is_digit(c) || (c >= 'A' && c <= 'Z');
}

bool all_digits(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), is_digit);
}

status check_text(const place& at, std::string_view value, std::size_t size_max) {
    if (value.size() > size_max) {
        return unexpected(at, "expected at most " + std::to_string(size_max) + " bytes",
                          std::to_string(value.size()));
    }
    if (!is_plain_text(value))
        return unexpected(at, "expected text without control characters", quoted(value));
    return ok();
}

status check_message(const place& at, Message& value) {
    if (value.GetDescriptor() == wharf::v1::Decimal::descriptor()) {
        auto& number = static_cast<wharf::v1::Decimal&>(value);
        const auto canonical = from_proto(number);
        if (!canonical) return unexpected(at, canonical.failure().message);
        to_proto(*canonical, number);
        return ok();
    }
    if (value.GetDescriptor() == google::protobuf::Timestamp::descriptor()) {
        if (!in_range(from_proto(static_cast<const google::protobuf::Timestamp&>(value))))
            return unexpected(at, "expected a time from the year 0001 to 9999 with 0 to 999999999 "
                                  "nanoseconds");
        return ok();
    }
    return check_forms(&at, value);
}

status check_enum(const place& at, const FieldDescriptor& field, int number) {
    if (field.enum_type()->FindValueByNumber(number) != nullptr) return ok();
    return unexpected(at, "expected one of " + json_names(*field.enum_type()),
                      std::to_string(number));
}

status check_single(const place* parent, Message& message, const FieldDescriptor& field) {
    const auto& reflection = *message.GetReflection();
    const place at{parent, field.name()};
    switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
        std::string scratch;
        return check_text(at, reflection.GetStringReference(message, &field, &scratch),
                          text_bytes_max(field));
    }
    case FieldDescriptor::CPPTYPE_ENUM:
        return check_enum(at, field, reflection.GetEnumValue(message, &field));
    case FieldDescriptor::CPPTYPE_MESSAGE:
        return check_message(at, *reflection.MutableMessage(&message, &field));
    default:
        return ok();
    }
}

// The schema repeats texts and messages only.
status check_elements(const place* parent, Message& message, const FieldDescriptor& field) {
    const auto& reflection = *message.GetReflection();
    const int size = reflection.FieldSize(message, &field);
    for (int i = 0; i < size; ++i) {
        const place at{parent, field.name(), i};
        if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
            WHARF_TRY(check_message(at, *reflection.MutableRepeatedMessage(&message, &field, i)));
            continue;
        }
        WHARF_ASSERT(field.cpp_type() == FieldDescriptor::CPPTYPE_STRING);
        std::string scratch;
        WHARF_TRY(check_text(at,
                             reflection.GetRepeatedStringReference(message, &field, i, &scratch),
                             text_bytes_max(field)));
    }
    return ok();
}

template <class Quantity> status check_amount(const place& at, const Quantity& value, sign wanted) {
    if (!value.has_value()) return unexpected({&at, "value"}, "required");
    const std::string_view unit = value.unit();
    if (unit.empty() || unit.size() > 3 ||
        !std::all_of(unit.begin(), unit.end(), is_upper_or_digit)) {
        return unexpected({&at, "unit"},
                          "expected a UN/ECE Recommendation 20 code: 1 to 3 upper-case letters or "
                          "digits, such as EA or KGM",
                          quoted(unit));
    }
    const auto coefficient = value.value().coefficient();
    const auto refuse = [&](std::string_view expectation) {
        const auto got = decimal::make(coefficient, value.value().scale());
        return unexpected({&at, "value"}, expectation, got.value().to_string());
    };
    switch (wanted) {
    case sign::not_zero:
        if (coefficient == 0) return refuse("expected not zero");
        break;
    case sign::not_negative:
        if (coefficient < 0) return refuse("expected not less than zero");
        break;
    case sign::more_than_zero:
        if (coefficient <= 0) return refuse("expected more than zero");
        break;
    }
    return ok();
}

// Eight bytes of printable ASCII at once: none below a space, none above '~'.
bool are_plain_ascii(const char* eight) noexcept {
    constexpr std::uint64_t k_ones = 0x0101010101010101;
    constexpr std::uint64_t k_high = 0x8080808080808080;
    std::uint64_t word = 0;
    std::memcpy(&word, eight, sizeof word);
    // The high bit of each byte: was set, is below 0x20, becomes set by adding 1 (0x7f).
    return ((word | (word - k_ones * 0x20) | (word + k_ones)) & k_high) == 0;
}

} // namespace

// Identifiers are the rule; these are the exceptions.
std::size_t text_bytes_max(const FieldDescriptor& field) {
    const std::string_view name = field.name();
    if (name == "event_id" || name == "corrective_event_ids") return limits::k_native_id_bytes_max;
    if (name == "correlation_id") return limits::k_correlation_id_bytes_max;
    if (name == "traceparent") return limits::k_traceparent_bytes_max;
    if (name == "tracestate") return limits::k_tracestate_bytes_read_max;
    if (name == "reason" || name == "place") return limits::k_text_bytes_max;
    return limits::k_identifier_bytes_max;
}

std::string place::to_string() const {
    std::string out = parent != nullptr ? parent->to_string() : std::string();
    if (!out.empty()) out.push_back('.');
    out.append(field);
    if (index >= 0) out.append("[").append(std::to_string(index)).append("]");
    return out;
}

error unexpected(const place& at, std::string_view expectation, std::string_view got) {
    auto message = at.to_string().append(": ").append(expectation);
    if (!got.empty()) message.append(", got ").append(got);
    return {errc::invalid, std::move(message)};
}

bool is_plain_text(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c < 0x20 || c == 0x7f) return false;
        // U+0080 to U+009F
        if (c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0)
            return false;
    }
    return true;
}

bool is_plain_utf8(std::string_view text) noexcept {
    std::size_t at = 0;
    while (at + 8 <= text.size() && are_plain_ascii(text.data() + at))
        at += 8;
    while (at < text.size() && text[at] >= ' ' && text[at] < 0x7f)
        ++at;
    if (at == text.size()) return true;
    return is_plain_text(text) && google::protobuf::internal::IsStructurallyValidUTF8(
                                      text.data(), static_cast<int>(text.size()));
}

bool has_gs1_check_digit(std::string_view digits) noexcept {
    if (digits.empty() || !all_digits(digits)) return false;
    int sum = 0;
    int weight = 1; // the check digit itself counts once
    for (auto at = digits.rbegin(); at != digits.rend(); ++at, weight = 4 - weight)
        sum += weight * (*at - '0');
    return sum % 10 == 0;
}

status check_required(const place& parent, std::string_view field, std::string_view value) {
    if (!value.empty()) return ok();
    return unexpected({&parent, field}, "required");
}

status check_gtin(const place& at, std::string_view value) {
    if (value.empty()) return ok();
    if (value.size() == 14 && has_gs1_check_digit(value)) return ok();
    const bool only_digit = value.size() == 14 && all_digits(value);
    return unexpected(at,
                      only_digit ? "expected a GTIN-14 with a valid check digit"
                                 : "expected a GTIN-14 (14 digits)",
                      quoted(value));
}

status check_sscc(const place& at, std::string_view value) {
    if (value.empty()) return ok();
    if (value.size() == 18 && has_gs1_check_digit(value)) return ok();
    const bool only_digit = value.size() == 18 && all_digits(value);
    return unexpected(at,
                      only_digit ? "expected an SSCC with a valid check digit"
                                 : "expected an SSCC (18 digits)",
                      quoted(value));
}

status check_quantity(const place& at, const wharf::v1::Quantity& value, sign wanted) {
    return check_amount(at, value, wanted);
}
status check_quantity(const place& at, const flat::quantity_view& value, sign wanted) {
    return check_amount(at, value, wanted);
}

status check_forms(const place* at, Message& message) {
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    for (const auto* field : fields) {
        WHARF_TRY(field->is_repeated() ? check_elements(at, message, *field)
                                       : check_single(at, message, *field));
    }
    return ok();
}

} // namespace wharf
