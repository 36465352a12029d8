#include "gateway/codec/json_reader.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/codec/wire_values.hpp"

#include <algorithm>

namespace wharf {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr std::size_t k_names_bytes_max = 160;
constexpr std::size_t k_syntax_bytes_max = 160;

// For someone who mistyped a name. Nothing where the list is too long to help.
std::string names_of(const Descriptor& type) {
    std::string names;
    for (int i = 0; i < type.field_count(); ++i)
        names.append(i == 0 ? "" : ", ").append(type.field(i)->name());
    return names.size() <= k_names_bytes_max ? "; expected one of " + names : std::string();
}

std::uint64_t bit_of(const FieldDescriptor& field) {
    return 1ull << field.index();
}

} // namespace

// --- errors ------------------------------------------------------------------------------------

error json_syntax_error(std::size_t position, std::string_view why) {
    // "[json.exception.parse_error.101] parse error at line 1, column 5: WHY; last read: 'TEXT'":
    // the text may be anything, so it is left out.
    if (const auto at = why.find("column "); at != why.npos) {
        why.remove_prefix(at);
        if (const auto colon = why.find(": "); colon != why.npos) why.remove_prefix(colon + 2);
    }
    why = why.substr(0, std::min(why.find("; last read"), k_syntax_bytes_max));
    std::string text = "not valid JSON at byte " + std::to_string(position) + ": ";
    for (const char c : why)
        text.push_back(c >= 0x20 && c < 0x7f ? c : '?');
    return {errc::invalid, std::move(text)};
}

bool json_reader::refuse(errc code, std::string why) {
    refused_ = error{code, std::move(why)};
    return false;
}

bool json_reader::refuse_syntax(std::size_t position, std::string_view why) {
    refused_ = json_syntax_error(position, why);
    return false;
}

std::string json_reader::path() const {
    std::string out;
    for (const auto& each : frames_) {
        if (each.array) {
            out.append("[").append(std::to_string(each.index)).append("]");
        } else if (each.field != nullptr) {
            if (!out.empty()) out.push_back('.');
            out.append(each.field->name());
        }
    }
    return out;
}

// What is still to come of the present object is skipped.
bool json_reader::fail_at(std::string path, std::string_view expectation) {
    if (!path.empty()) path.append(": ");
    failed_ = error{errc::invalid, path.append(expectation)};
    return true;
}

bool json_reader::fail(std::string_view expectation, std::string_view got) {
    std::string text(expectation);
    if (!got.empty()) text.append(", got ").append(got);
    return fail_at(path(), text);
}

bool json_reader::expected(const FieldDescriptor& field, std::string_view got) {
    if (field.is_repeated() && !frames_.back().array) return fail("expected an array", got);
    switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
        return fail("expected true or false", got);
    case FieldDescriptor::CPPTYPE_INT32:
        return fail("expected a whole number from -2147483648 to 2147483647", got);
    case FieldDescriptor::CPPTYPE_UINT32:
        return fail("expected a whole number from 0 to 4294967295", got);
    case FieldDescriptor::CPPTYPE_INT64:
        return fail("expected a whole number from -9223372036854775808 to 9223372036854775807, "
                    "as a string or a number",
                    got);
    case FieldDescriptor::CPPTYPE_UINT64:
        return fail("expected a whole number from 0 to 18446744073709551615, as a string or a "
                    "number",
                    got);
    case FieldDescriptor::CPPTYPE_ENUM:
        return fail("expected one of " + json_names(*field.enum_type()), got);
    case FieldDescriptor::CPPTYPE_MESSAGE:
        if (field.message_type() == wharf::v1::Decimal::descriptor())
            return fail("expected a decimal as a string such as \"12.50\"", got);
        if (field.message_type() == google::protobuf::Timestamp::descriptor())
            return fail("expected a time as a string such as \"2026-03-02T10:00:00Z\"", got);
        return fail("expected an object", got);
    case FieldDescriptor::CPPTYPE_STRING:
        return fail(field.type() == FieldDescriptor::TYPE_BYTES ? "expected a base64 string"
                                                                : "expected a string",
                    got);
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
        break;
    }
    WHARF_ASSERT(false && "the schema has no floats");
    return false;
}

// --- the root ------------------------------------------------------------------------------------

bool json_reader::begin_root() {
    auto* target = sink_.begin();
    if (target == nullptr) return refuse(errc::too_large, "too many objects in the array");
    WHARF_ASSERT(target->GetDescriptor()->field_count() <= 64);
    frames_.push_back({target, nullptr, false, 0, 0});
    return true;
}

bool json_reader::finish_root() {
    frames_.clear();
    if (failed_) {
        sink_.finish(std::move(*failed_));
        failed_.reset();
    } else {
        sink_.finish(ok());
    }
    return true;
}

bool json_reader::scalar_at_root() {
    if (!in_root_array_) {
        return refuse(errc::invalid, shape_ == root::object ? "expected an object"
                                                            : "expected an object or an array");
    }
    if (!begin_root()) return false;
    fail("expected an object");
    return finish_root();
}

// --- where a value belongs -----------------------------------------------------------------------

const FieldDescriptor* json_reader::scalar_field(std::string_view got) {
    auto& top = frames_.back();
    const auto* field = top.field;
    if (field->is_repeated() && !top.array) {
        expected(*field, got);
        return nullptr;
    }
    return field;
}

// The next element of an array is the next value; an object waits for its next key.
bool json_reader::value_done() {
    if (failed_) return true;
    if (ignore_below_ != 0) {
        if (depth_ < ignore_below_) ignore_below_ = 0;
        return true;
    }
    if (frames_.empty()) return true;
    auto& top = frames_.back();
    if (top.array) ++top.index;
    return true;
}

bool json_reader::open(std::string_view got) {
    ++depth_;
    if (skipping()) return false;
    if (depth_ > limits::k_json_depth_max) {
        fail("nested deeper than " + std::to_string(limits::k_json_depth_max) + " levels", got);
        return false;
    }
    return true;
}

bool json_reader::close() {
    WHARF_ASSERT(depth_ > 0);
    --depth_;
    if (in_root_array_ && depth_ == 0) return true; // the root's own array
    if (depth_ == root_depth()) return finish_root();
    if (!skipping()) frames_.pop_back();
    return value_done();
}

// --- values
// ----------------------------------------------------------------------------------------

bool json_reader::null() {
    if (skipping()) return value_done();
    if (frames_.empty()) return scalar_at_root();
    return fail("null is not a value here; leave the field out");
}

bool json_reader::boolean(bool value) {
    if (skipping()) return value_done();
    if (frames_.empty()) return scalar_at_root();
    const auto* field = scalar_field("true or false");
    if (field == nullptr) return true;
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_BOOL)
        return expected(*field, value ? "true" : "false");
    auto* target = frames_.back().target;
    if (field->is_repeated()) {
        target->GetReflection()->AddBool(target, field, value);
    } else {
        target->GetReflection()->SetBool(target, field, value);
    }
    return value_done();
}

bool json_reader::number_integer(std::int64_t value) {
    if (skipping()) return value_done();
    if (frames_.empty()) return scalar_at_root();
    const auto* field = scalar_field("a number");
    if (field == nullptr) return true;
    const bool negative = value < 0;
    const auto bits = static_cast<std::uint64_t>(value);
    return store_integer(*field, negative, negative ? 0 - bits : bits, std::to_string(value)) &&
           value_done();
}

bool json_reader::number_unsigned(std::uint64_t value) {
    if (skipping()) return value_done();
    if (frames_.empty()) return scalar_at_root();
    const auto* field = scalar_field("a number");
    if (field == nullptr) return true;
    return store_integer(*field, false, value, std::to_string(value)) && value_done();
}

// Anything with a fraction or an exponent, and whole numbers beyond 64 bits.
bool json_reader::number_float(double, const std::string& text) {
    if (skipping()) return value_done();
    if (frames_.empty()) return scalar_at_root();
    const auto* field = scalar_field("a number");
    if (field == nullptr) return true;
    const auto shown = quoted(text);
    return expected(*field, std::string_view(shown).substr(1, shown.size() - 2));
}

bool json_reader::string(std::string& value) {
    if (skipping()) return value_done();
    if (frames_.empty()) return scalar_at_root();
    const auto* field = scalar_field("a string");
    if (field == nullptr) return true;
    return store_text(*field, value) && value_done();
}

// --- objects and arrays --------------------------------------------------------------------------

bool json_reader::start_object(std::size_t) {
    if (depth_ == root_depth() && !skipping()) {
        ++depth_;
        return begin_root();
    }
    if (!open("an object")) return true;
    const auto* field = scalar_field("an object");
    if (field == nullptr) return true;
    const bool plain = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
                       field->message_type() != wharf::v1::Decimal::descriptor() &&
                       field->message_type() != google::protobuf::Timestamp::descriptor();
    if (!plain) return expected(*field, "an object");
    WHARF_ASSERT(field->message_type()->field_count() <= 64);
    frames_.push_back({child(*field), nullptr, false, 0, 0});
    return true;
}

google::protobuf::Message* json_reader::child(const FieldDescriptor& field) {
    auto* target = frames_.back().target;
    const auto* reflection = target->GetReflection();
    return field.is_repeated() ? reflection->AddMessage(target, &field)
                               : reflection->MutableMessage(target, &field);
}

bool json_reader::key(std::string& name) {
    if (skipping()) return true;
    auto& top = frames_.back();
    top.field = nullptr;
    const auto& type = *top.target->GetDescriptor();
    const auto* field = type.FindFieldByName(name);
    if (field == nullptr) return unknown(top, name);
    top.field = field;
    if ((top.seen & bit_of(*field)) != 0) return fail("given twice");
    if (const auto* oneof = field->real_containing_oneof(); oneof != nullptr) {
        for (int i = 0; i < oneof->field_count(); ++i) {
            const auto& other = *oneof->field(i);
            if ((top.seen & bit_of(other)) != 0)
                return fail("there is already " + other.name() + "; expected only one of the two");
        }
    }
    top.seen |= bit_of(*field);
    return true;
}

bool json_reader::unknown(const frame& top, const std::string& name) {
    if (unknown_ == unknown_field::ignore) {
        ignore_below_ = depth_ + 1;
        return true;
    }
    const auto shown = quoted(name);
    auto where = path();
    if (!where.empty()) where.push_back('.');
    where.append(shown, 1, shown.size() - 2);
    return fail_at(std::move(where), "unknown field" + names_of(*top.target->GetDescriptor()));
}

bool json_reader::end_object() {
    return close();
}

bool json_reader::start_array(std::size_t) {
    if (depth_ == 0) {
        if (shape_ == root::object) return scalar_at_root();
        ++depth_;
        in_root_array_ = true;
        return true;
    }
    if (depth_ == root_depth() && !skipping()) { // an array where the root array wants an object
        ++depth_;
        if (!begin_root()) return false;
        return fail("expected an object", "an array");
    }
    if (!open("an array")) return true;
    auto& top = frames_.back();
    if (!top.field->is_repeated() || top.array) return expected(*top.field, "an array");
    frames_.push_back({top.target, top.field, true, 0, 0});
    return true;
}

bool json_reader::end_array() {
    return close();
}

} // namespace wharf
