#include "gateway/codec/protobuf_codec.hpp"

#include "gateway/base/limits.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/unknown_field_set.h>
#include <google/protobuf/wire_format_lite.h>

#include <limits>

namespace wharf {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

const auto* bytes_of(std::string_view bytes) {
    return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

std::string join(const std::string& parent, std::string_view field) {
    return parent.empty() ? std::string(field) : parent + "." + std::string(field);
}

status refuse_unknown(const Message& message, const std::string& path) {
    const auto& reflection = *message.GetReflection();
    if (const auto& unknown = reflection.GetUnknownFields(message); !unknown.empty()) {
        return error{errc::invalid,
                     join(path, "field " + std::to_string(unknown.field(0).number())) +
                         ": unknown field number in " + message.GetDescriptor()->name()};
    }
    std::vector<const FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const auto* field : fields) {
        if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
        const auto name = join(path, field->name());
        if (!field->is_repeated()) {
            WHARF_TRY(refuse_unknown(reflection.GetMessage(message, field), name));
            continue;
        }
        const int size = reflection.FieldSize(message, field);
        for (int i = 0; i < size; ++i) {
            WHARF_TRY(refuse_unknown(reflection.GetRepeatedMessage(message, field, i),
                                     name + "[" + std::to_string(i) + "]"));
        }
    }
    return ok();
}

// REQUIRES: bytes that were parsed as an Event.
status refuse_two_bodies(std::string_view bytes) {
    CodedInputStream in(bytes_of(bytes), static_cast<int>(bytes.size()));
    const FieldDescriptor* body = nullptr;
    while (const auto tag = in.ReadTag()) {
        const auto* field = wharf::v1::Event::descriptor()->FindFieldByNumber(
            WireFormatLite::GetTagFieldNumber(tag));
        if (field != nullptr && field->real_containing_oneof() != nullptr) {
            if (body != nullptr && body != field) {
                return error{errc::invalid, field->name() + ": there is already " + body->name() +
                                                "; expected only one of the two"};
            }
            body = field;
        }
        if (!WireFormatLite::SkipField(&in, tag)) break;
    }
    return ok();
}

} // namespace

error too_many_events() {
    return {errc::too_large, "expected at most " +
                                 std::to_string(limits::k_events_per_message_max) +
                                 " events in a message"};
}

result<wharf::v1::Event> event_from_protobuf(std::string_view bytes) {
    if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
        return error{errc::corrupt, "not a wharf.v1.Event: too long"};
    wharf::v1::Event event;
    if (!event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        return error{errc::corrupt, "not a wharf.v1.Event: its protobuf bytes are malformed, "
                                    "truncated, or hold text that is not UTF-8"};
    }
    WHARF_TRY(refuse_unknown(event, {}));
    WHARF_TRY(refuse_two_bodies(bytes));
    return event;
}

result<decoded_events> events_from_protobuf_batch(std::string_view bytes) {
    const error malformed{errc::corrupt, "not a wharf.v1.EventBatch: its protobuf bytes are "
                                         "malformed or truncated"};
    if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return malformed;
    constexpr auto k_events_tag = WireFormatLite::MakeTag(
        wharf::v1::EventBatch::kEventsFieldNumber, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);

    CodedInputStream in(bytes_of(bytes), static_cast<int>(bytes.size()));
    decoded_events events;
    while (!in.ExpectAtEnd()) {
        const auto tag = in.ReadTag();
        if (tag == 0) return malformed;
        if (tag != k_events_tag) {
            return error{errc::invalid, "field " +
                                            std::to_string(WireFormatLite::GetTagFieldNumber(tag)) +
                                            ": unknown field number in EventBatch"};
        }
        std::uint32_t size = 0;
        if (!in.ReadVarint32(&size)) return malformed;
        const auto start = static_cast<std::size_t>(in.CurrentPosition());
        if (size > bytes.size() - start) return malformed;
        if (events.size() == limits::k_events_per_message_max) return too_many_events();
        events.push_back(event_from_protobuf(bytes.substr(start, size)));
        if (!in.Skip(static_cast<int>(size))) return malformed;
    }
    return events;
}

} // namespace wharf
