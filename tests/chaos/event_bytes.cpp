#include "tests/chaos/workload.hpp"

#include "wharf/v1/event.pb.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <cctype>

namespace chaos {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using nlohmann::json;

bool put_fields(const json& from, Message& to);

bool put_decimal(const std::string& text, wharf::v1::Decimal& out) {
    const std::size_t point = text.find('.');
    std::string digits = text;
    if (point != std::string::npos) {
        digits.erase(point, 1);
        out.set_scale(static_cast<std::uint32_t>(text.size() - point - 1));
    }
    out.set_coefficient(std::stoll(digits));
    return true;
}

bool put_message(const json& value, Message& to) {
    if (auto* decimal = dynamic_cast<wharf::v1::Decimal*>(&to)) {
        return put_decimal(value.get<std::string>(), *decimal);
    }
    if (auto* time = dynamic_cast<google::protobuf::Timestamp*>(&to)) {
        return google::protobuf::util::TimeUtil::FromString(value.get<std::string>(), time);
    }
    return put_fields(value, to);
}

// "available" is STOCK_STATUS_AVAILABLE: the name that ends so.
bool put_enum(const json& value, Message& to, const FieldDescriptor& field) {
    std::string wanted = "_" + value.get<std::string>();
    std::transform(wanted.begin(), wanted.end(), wanted.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    for (int i = 0; i < field.enum_type()->value_count(); ++i) {
        const auto* candidate = field.enum_type()->value(i);
        if (!candidate->name().ends_with(wanted)) continue;
        to.GetReflection()->SetEnum(&to, &field, candidate);
        return true;
    }
    return false;
}

bool put_field(const json& value, Message& to, const FieldDescriptor& field) {
    const auto* reflection = to.GetReflection();
    if (field.is_repeated()) {
        for (const json& element : value) {
            if (!put_message(element, *reflection->AddMessage(&to, &field))) return false;
        }
        return true;
    }
    switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
        return put_message(value, *reflection->MutableMessage(&to, &field));
    case FieldDescriptor::CPPTYPE_STRING:
        reflection->SetString(&to, &field, value.get<std::string>());
        return true;
    case FieldDescriptor::CPPTYPE_UINT64:
        reflection->SetUInt64(&to, &field, std::stoull(value.get<std::string>()));
        return true;
    case FieldDescriptor::CPPTYPE_ENUM:
        return put_enum(value, to, field);
    default:
        return false;
    }
}

bool put_fields(const json& from, Message& to) {
    for (const auto& [name, value] : from.items()) {
        const FieldDescriptor* field = to.GetDescriptor()->FindFieldByName(name);
        if (field == nullptr || !put_field(value, to, *field)) return false;
    }
    return true;
}

} // namespace

std::optional<std::string> event_batch_bytes(const std::vector<json>& events) {
    wharf::v1::EventBatch batch;
    for (const json& event : events) {
        if (!put_fields(event, *batch.add_events())) return std::nullopt;
    }
    return batch.SerializeAsString();
}

} // namespace chaos
