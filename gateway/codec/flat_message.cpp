#include "gateway/codec/flat_message.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/base/decimal.hpp"
#include "gateway/base/time.hpp"
#include "gateway/codec/field_rules.hpp"
#include "gateway/codec/wire_bytes.hpp"
#include "wharf/v1/event.pb.h"

#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <limits>

namespace wharf {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using kind = flat_field::kind;

// A package of as many lines as there may be takes three quarters.
constexpr std::size_t k_slots_max = 2048;

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
        WHARF_ASSERT(number < 2048); // a tag of two bytes
        if (out.fields.size() <= number) out.fields.resize(number + 1);
        out.fields[number] = field_of(each);
        if (each.message_type() != nullptr)
            out.fields[number].child = form_of(*each.message_type(), known);
    }
    return &out;
}

flat_message::flat_message(const Descriptor& type) : slots_(k_slots_max) {
    forms known;
    form_ = form_of(type, known);
}

// --- reading -------------------------------------------------------------------------------------

bool flat_message::read(std::string_view bytes) {
    used_ = 0;
    body_ = 0;
    add_row(*form_);
    return read_row(*form_, {bytes.data(), bytes.data() + bytes.size()}, 0);
}

std::uint32_t flat_message::add_row(const flat_form& form) {
    const auto row = used_;
    if (form.fields.size() > k_slots_max - row) return 0;
    used_ += static_cast<std::uint32_t>(form.fields.size());
    std::fill_n(slots_.begin() + row, form.fields.size(), flat_slot{});
    return row;
}

bool flat_message::read_row(const flat_form& form, input in, std::uint32_t row) {
    while (in.at != in.end) {
        std::uint64_t tag = 0;
        if (!wire::take_varint(in.at, in.end, tag)) return false;
        const auto number = tag >> 3;
        if (number >= form.fields.size()) return false;
        const auto& field = form.fields[number];
        const auto place = row + static_cast<std::uint32_t>(number);
        if (field.what == kind::none) return false;
        const bool known = (tag & 7) == wire::k_varint
                               ? field.what == kind::number && read_number(field, slots_[place], in)
                               : (tag & 7) == wire::k_delimited && read_bytes(field, place, in);
        if (!known) return false;
        if (field.body) {
            if (body_ != 0) return false;
            body_ = static_cast<std::uint32_t>(number);
        }
    }
    return form.also == flat_form::rule::none || in_form(form, row);
}

bool flat_message::read_number(const flat_field& field, flat_slot& slot, input& in) const {
    if (slot.text != nullptr) return false;
    slot.text = in.at;
    return wire::take_varint(in.at, in.end, slot.number) && slot.number <= field.max;
}

bool flat_message::read_bytes(const flat_field& field, std::uint32_t place, input& in) {
    std::uint64_t size = 0;
    if (!wire::take_varint(in.at, in.end, size) ||
        size > static_cast<std::uint64_t>(in.end - in.at))
        return false;
    const input inner{in.at, in.at + size};
    in.at = inner.end;
    if (field.repeated) return read_further(field, place, inner);
    auto& slot = slots_[place];
    if (slot.text != nullptr) return false;
    slot.text = inner.at;
    slot.size = static_cast<std::uint32_t>(size);
    if (field.what == kind::text)
        return size <= field.max && is_plain_utf8({inner.at, static_cast<std::size_t>(size)});
    return field.what == kind::message && read_child(*field.child, place, inner);
}

bool flat_message::read_child(const flat_form& form, std::uint32_t place, input in) {
    const auto row = add_row(form);
    slots_[place].number = row;
    return row != 0 && read_row(form, in, row);
}

// One of several: a row each, of a text the row has only that.
bool flat_message::read_further(const flat_field& field, std::uint32_t place, input in) {
    static const flat_form k_text{flat_form::rule::none, std::vector<flat_field>(1)};
    const auto row = add_row(field.what == kind::text ? k_text : *field.child);
    if (row == 0) return false;
    auto& list = slots_[place];
    if (list.number == 0)
        list.number = row;
    else
        slots_[list.last].last = row;
    list.last = row;
    ++list.size;
    if (field.what == kind::message) return read_row(*field.child, in, row);
    slots_[row].text = in.at;
    slots_[row].size = static_cast<std::uint32_t>(in.end - in.at);
    return slots_[row].size <= field.max && is_plain_utf8({in.at, slots_[row].size});
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

std::size_t flat_message::measure(std::size_t from, std::size_t to) {
    return measure_row(*form_, 0, from, to);
}

std::size_t flat_message::measure_row(const flat_form& form, std::size_t row, std::size_t from,
                                      std::size_t to) {
    std::size_t bytes = 0;
    to = std::min(to, form.fields.size() - 1);
    for (auto number = from; number <= to; ++number) {
        auto& slot = slots_[row + number];
        if (slot.text == nullptr && slot.number == 0) continue;
        const auto& field = form.fields[number];
        if (field.repeated) {
            bytes += wire::tag_bytes(number) * slot.size + measure_several(field, slot);
        } else if (field.what == kind::text) {
            if (slot.size > 0) bytes += wire::delimited_bytes(number, slot.size);
        } else if (field.what == kind::message) {
            const auto size = measure_row(*field.child, slot.number, 1, field.child->fields.size());
            slot.size = static_cast<std::uint32_t>(size);
            bytes += wire::delimited_bytes(number, size);
        } else if (slot.number != 0 || field.optional) {
            bytes += wire::tag_bytes(number) + wire::varint_bytes(slot.number);
        }
    }
    return bytes;
}

std::size_t flat_message::measure_several(const flat_field& field, const flat_slot& slot) {
    std::size_t bytes = 0;
    for (auto row = static_cast<std::uint32_t>(slot.number); row != 0; row = slots_[row].last) {
        auto& each = slots_[row];
        if (field.what == kind::message)
            each.size = static_cast<std::uint32_t>(
                measure_row(*field.child, row, 1, field.child->fields.size()));
        bytes += wire::varint_bytes(each.size) + each.size;
    }
    return bytes;
}

char* flat_message::write(std::size_t from, std::size_t to, char* out) const {
    return write_row(*form_, 0, from, to, out);
}

char* flat_message::write_row(const flat_form& form, std::size_t row, std::size_t from,
                              std::size_t to, char* out) const {
    to = std::min(to, form.fields.size() - 1);
    for (auto number = from; number <= to; ++number) {
        const auto& slot = slots_[row + number];
        if (slot.text == nullptr && slot.number == 0) continue;
        const auto& field = form.fields[number];
        if (field.repeated) {
            out = write_several(field, slot, number, out);
        } else if (field.what == kind::text) {
            if (slot.size > 0) out = wire::put_text(out, number, {slot.text, slot.size});
        } else if (field.what == kind::message) {
            out = wire::put_head(out, number, slot.size);
            out = write_row(*field.child, slot.number, 1, field.child->fields.size(), out);
        } else if (slot.number != 0 || field.optional) {
            out = wire::put_number(out, number, slot.number);
        }
    }
    return out;
}

char* flat_message::write_several(const flat_field& field, const flat_slot& slot,
                                  std::size_t number, char* out) const {
    for (auto row = static_cast<std::uint32_t>(slot.number); row != 0; row = slots_[row].last) {
        const auto& each = slots_[row];
        if (field.what == kind::text) {
            out = wire::put_text(out, number, {each.text, each.size});
            continue;
        }
        out = wire::put_head(out, number, each.size);
        out = write_row(*field.child, row, 1, field.child->fields.size(), out);
    }
    return out;
}

} // namespace wharf
