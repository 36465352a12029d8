#include "gateway/codec/flat_message.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/base/decimal.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/base/time.hpp"
#include "gateway/codec/field_rules.hpp"
#include "wharf/v1/event.pb.h"

#include <google/protobuf/wire_format_lite.h>

#include <bit>
#include <cstring>
#include <limits>
#include <utility>

namespace wharf {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using kind = flat_field::kind;

// --- what a descriptor asks for ------------------------------------------------------------------

// Numbers from 0 on without a gap; one beyond is not plainly known.
std::uint64_t known_to(const google::protobuf::EnumDescriptor& type) {
    int last = 0;
    while (type.FindValueByNumber(last + 1) != nullptr)
        ++last;
    return static_cast<std::uint64_t>(last);
}

flat_field field_of(const FieldDescriptor& from) {
    flat_field out;
    out.repeated = from.is_repeated();
    out.optional = from.has_optional_keyword();
    out.body = from.real_containing_oneof() != nullptr;
    switch (from.type()) {
    case FieldDescriptor::TYPE_STRING:
        out.what = kind::text;
        out.max = text_bytes_max(from);
        break;
    case FieldDescriptor::TYPE_MESSAGE:
        out.what = kind::message;
        break;
    case FieldDescriptor::TYPE_ENUM:
        out.what = kind::number;
        out.max = known_to(*from.enum_type());
        break;
    case FieldDescriptor::TYPE_BOOL:
        out.what = kind::number;
        out.max = 1;
        break;
    case FieldDescriptor::TYPE_UINT32:
        out.what = kind::number;
        out.max = std::numeric_limits<std::uint32_t>::max();
        break;
    case FieldDescriptor::TYPE_INT32: // in a timestamp only, where none is below zero
    case FieldDescriptor::TYPE_UINT64:
    case FieldDescriptor::TYPE_INT64:
    case FieldDescriptor::TYPE_SINT64:
        out.what = kind::number;
        out.max = std::numeric_limits<std::uint64_t>::max();
        break;
    default:
        break; // not in the schema: never plain
    }
    const bool several_numbers = out.repeated && out.what == kind::number;
    return several_numbers ? flat_field{} : out;
}

} // namespace

const flat_form* flat_message::form_of(const Descriptor& type, forms& known) {
    if (auto found = known.find(&type); found != known.end()) return found->second;
    auto& out = forms_.emplace_back();
    known[&type] = &out;
    if (&type == wharf::v1::Decimal::descriptor()) out.also = flat_form::rule::decimal;
    if (&type == google::protobuf::Timestamp::descriptor()) out.also = flat_form::rule::timestamp;
    for (int i = 0; i < type.field_count(); ++i) {
        const auto& each = *type.field(i);
        const auto number = static_cast<std::size_t>(each.number());
        WHARF_ASSERT(number < 64); // a row keeps in bits which are there
        if (out.fields.size() <= number) out.fields.resize(number + 1);
        out.fields[number] = field_of(each);
        if (each.message_type() != nullptr)
            out.fields[number].child = form_of(*each.message_type(), known);
    }
    return &out;
}

flat_message::flat_message(const Descriptor& type) : slots_(limits::k_flat_slots_max) {
    forms known;
    form_ = form_of(type, known);
}

// --- reading -------------------------------------------------------------------------------------

bool flat_message::read(std::string_view bytes) {
    if (bytes.size() > limits::k_event_bytes_max) return false;
    used_ = 0;
    body_ = 0;
    add_row(form_->fields.size());
    return read_row(*form_, {bytes.data(), bytes.data() + bytes.size()}, 0);
}

std::uint32_t flat_message::add_row(std::size_t fields) {
    const auto row = used_;
    if (fields > limits::k_flat_slots_max - row) return 0;
    used_ += static_cast<std::uint32_t>(fields);
    std::memset(&slots_[row], 0, fields * sizeof(flat_slot));
    return row;
}

bool flat_message::read_row(const flat_form& form, input in, std::uint32_t row) {
    std::uint64_t seen = 0;
    while (in.at != in.end) {
        std::uint64_t tag = 0;
        if (!wire::take_varint(in.at, in.end, tag)) return false;
        const auto number = static_cast<std::uint32_t>(tag >> 3);
        if (number >= form.fields.size()) return false;
        const auto& field = form.fields[number];
        const auto bit = std::uint64_t{1} << number;
        if ((seen & bit) != 0 && !field.repeated) return false;
        seen |= bit;
        std::uint64_t value = 0;
        if (!wire::take_varint(in.at, in.end, value)) return false;
        if ((tag & 7) == wire::k_varint) {
            if (field.what != kind::number || value > field.max) return false;
            slots_[row + number].number = value;
            continue;
        }
        if ((tag & 7) != wire::k_delimited || value > static_cast<std::uint64_t>(in.end - in.at))
            return false;
        const input inner{in.at, in.at + value};
        in.at = inner.end;
        if (!read_delimited(field, row, number, inner)) return false;
    }
    slots_[row].number = seen;
    return form.also == flat_form::rule::none || in_form(form, row);
}

bool flat_message::read_delimited(const flat_field& field, std::uint32_t row, std::uint32_t number,
                                  input in) {
    auto& slot = slots_[row + number];
    if (field.repeated) return read_further(field, slot, in);
    if (field.what == kind::text) {
        const std::string_view text(in.at, static_cast<std::size_t>(in.end - in.at));
        slot.text = text.data();
        slot.size = static_cast<std::uint32_t>(text.size());
        return text.size() <= field.max && is_plain_utf8(text);
    }
    if (field.what != kind::message) return false;
    if (field.body && std::exchange(body_, number) != 0) return false;
    return read_child(*field.child, slot, in);
}

bool flat_message::read_child(const flat_form& form, flat_slot& slot, input in) {
    const auto row = add_row(form.fields.size());
    slot.number = row;
    return row != 0 && read_row(form, in, row);
}

// One of several: a row each; that of a text has one field.
bool flat_message::read_further(const flat_field& field, flat_slot& list, input in) {
    const bool is_text = field.what == kind::text;
    const auto row = add_row(is_text ? 2 : field.child->fields.size());
    if (row == 0) return false;
    slots_[row].before = static_cast<std::uint32_t>(list.number);
    list.number = row;
    ++list.size;
    if (!is_text) return read_row(*field.child, in, row);
    const std::string_view text(in.at, static_cast<std::size_t>(in.end - in.at));
    slots_[row + 1].text = text.data();
    slots_[row + 1].size = static_cast<std::uint32_t>(text.size());
    return text.size() <= field.max && is_plain_utf8(text);
}

bool flat_message::in_form(const flat_form& form, std::uint32_t row) const {
    if (form.also == flat_form::rule::timestamp) {
        const auto nanos = slots_[row + google::protobuf::Timestamp::kNanosFieldNumber].number;
        const auto seconds = slots_[row + google::protobuf::Timestamp::kSecondsFieldNumber].number;
        return nanos < 1'000'000'000 && in_range({static_cast<std::int64_t>(seconds), 0});
    }
    const auto coefficient = WireFormatLite::ZigZagDecode64(
        slots_[row + wharf::v1::Decimal::kCoefficientFieldNumber].number);
    const auto scale =
        static_cast<std::uint32_t>(slots_[row + wharf::v1::Decimal::kScaleFieldNumber].number);
    const auto canonical = decimal::make(coefficient, scale);
    return canonical.ok() && canonical->scale() == scale;
}

// --- writing -------------------------------------------------------------------------------------

void flat_message::write(std::size_t from, std::size_t to, wire::back_writer& out) const {
    const auto up_to = (std::uint64_t{2} << to) - 1;
    const auto below = (std::uint64_t{1} << from) - 1;
    write_row(*form_, 0, slots_[0].number & up_to & ~below, out);
}

void flat_message::write_row(const flat_form& form, std::size_t row, std::uint64_t fields,
                             wire::back_writer& out) const {
    while (fields != 0) {
        const auto number = static_cast<std::size_t>(std::bit_width(fields) - 1);
        fields ^= std::uint64_t{1} << number;
        const auto& field = form.fields[number];
        const auto& slot = slots_[row + number];
        if (field.repeated) {
            write_several(field, slot, number, out);
        } else if (field.what == kind::text) {
            if (slot.size > 0) out.text(number, {slot.text, slot.size});
        } else if (field.what == kind::message) {
            const auto before = out.size();
            const auto child = static_cast<std::uint32_t>(slot.number);
            write_row(*field.child, child, slots_[child].number, out);
            out.head(number, out.size() - before);
        } else if (slot.number != 0 || field.optional) {
            out.number(number, slot.number);
        }
    }
}

void flat_message::write_several(const flat_field& field, const flat_slot& slot, std::size_t number,
                                 wire::back_writer& out) const {
    for (auto row = static_cast<std::uint32_t>(slot.number); row != 0; row = slots_[row].before) {
        if (field.what == kind::text) {
            out.text(number, {slots_[row + 1].text, slots_[row + 1].size});
            continue;
        }
        const auto before = out.size();
        write_row(*field.child, row, slots_[row].number, out);
        out.head(number, out.size() - before);
    }
}

} // namespace wharf
