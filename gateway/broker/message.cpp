#include "gateway/broker/message.hpp"

#include <algorithm>

namespace wharf::broker {

namespace {

constexpr std::int64_t k_second_us = 1'000'000;

// At least 1: 0 says that it does not expire.
std::int64_t expiry(std::int64_t from_us, std::uint32_t interval_s) {
    return std::max<std::int64_t>(1, from_us + interval_s * k_second_us);
}

std::string text(std::string_view from) {
    return std::string(from);
}

} // namespace

message::message(std::string_view topic, std::string_view payload, std::uint8_t qos, bool retain)
    : topic_bytes_(static_cast<std::uint32_t>(topic.size())), qos_(qos), retain_(retain),
      size_(topic.size() + payload.size()) {
    bytes_.reserve(size_);
    bytes_.append(topic).append(payload);
}

void message::set(extras more) {
    constexpr std::size_t k_property_bytes = 64;
    size_ += more.content_type.size() + more.response_topic.size();
    if (more.correlation_data) size_ += more.correlation_data->size();
    for (const auto& [name, value] : more.user_properties)
        size_ += name.size() + value.size() + k_property_bytes;
    more_ = std::make_unique<const extras>(std::move(more));
}

message_ptr make_message(const mqtt::publish_request& from, std::int64_t journal_us) {
    auto out = std::make_shared<message>(from.topic, from.payload, from.qos, from.retain);
    if (from.message_expiry_s) out->expires_at_us = expiry(journal_us, *from.message_expiry_s);
    out->payload_is_utf8 = from.payload_is_utf8;
    if (from.content_type.empty() && from.response_topic.empty() && !from.correlation_data &&
        from.user_properties.empty())
        return out;
    message::extras more;
    more.content_type = from.content_type;
    more.response_topic = from.response_topic;
    if (from.correlation_data) more.correlation_data = text(*from.correlation_data);
    for (const auto& each : from.user_properties)
        more.user_properties.emplace_back(text(each.name), text(each.value));
    out->set(std::move(more));
    return out;
}

message_ptr make_message(const wharf::v1::LocalMessage& from) {
    auto out = std::make_shared<message>(from.topic(), from.payload(),
                                         static_cast<std::uint8_t>(from.qos()), from.retain());
    out->expires_at_us = from.expires_at_us();
    out->payload_is_utf8 = from.payload_is_utf8();
    message::extras more;
    more.content_type = from.content_type();
    more.response_topic = from.response_topic();
    if (from.has_correlation_data()) more.correlation_data = from.correlation_data();
    for (const auto& each : from.user_properties())
        more.user_properties.emplace_back(each.name(), each.value());
    out->set(std::move(more));
    return out;
}

wharf::v1::LocalMessage make_record(const mqtt::will_message& from) {
    const auto& properties = from.properties;
    wharf::v1::LocalMessage out;
    out.set_topic(text(from.topic));
    out.set_payload(text(from.payload));
    out.set_qos(from.qos);
    out.set_retain(from.retain);
    if (properties.has(mqtt::property::message_expiry_interval))
        out.set_expires_at_us(expiry(0, properties.message_expiry_s));
    out.set_payload_is_utf8(properties.payload_format_indicator == 1);
    out.set_content_type(text(properties.content_type));
    out.set_response_topic(text(properties.response_topic));
    if (properties.has(mqtt::property::correlation_data))
        out.set_correlation_data(text(properties.correlation_data));
    for (const auto& each : properties.user) {
        auto* property = out.add_user_properties();
        property->set_name(text(each.name));
        property->set_value(text(each.value));
    }
    return out;
}

wharf::v1::LocalMessage make_record(const message& from) {
    wharf::v1::LocalMessage out;
    out.set_topic(text(from.topic()));
    out.set_payload(text(from.payload()));
    out.set_qos(from.qos());
    out.set_retain(from.retain());
    out.set_expires_at_us(from.expires_at_us);
    out.set_payload_is_utf8(from.payload_is_utf8);
    const auto* more = from.more();
    if (more == nullptr) return out;
    out.set_content_type(more->content_type);
    out.set_response_topic(more->response_topic);
    if (more->correlation_data) out.set_correlation_data(*more->correlation_data);
    for (const auto& [name, value] : more->user_properties) {
        auto* property = out.add_user_properties();
        property->set_name(name);
        property->set_value(value);
    }
    return out;
}

result<message_ptr> parse_message(const std::string& bytes, const std::string& client_id) {
    wharf::v1::LocalMessage out;
    if (!out.ParseFromString(bytes))
        return error{errc::corrupt, "queue of client " + client_id + ": not a LocalMessage"};
    return make_message(out);
}

} // namespace wharf::broker
