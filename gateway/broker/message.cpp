#include "gateway/broker/message.hpp"

#include <algorithm>

namespace wharf::broker {

namespace {

constexpr std::int64_t k_second_us = 1'000'000;

std::string text(std::string_view from) {
    return std::string(from);
}

void add_properties(std::span<const mqtt::user_property> from, wharf::v1::LocalMessage& to) {
    for (const auto& each : from) {
        auto* property = to.add_user_properties();
        property->set_name(text(each.name));
        property->set_value(text(each.value));
    }
}

} // namespace

message_ptr make_message(const mqtt::publish_request& from, std::int64_t journal_us) {
    auto out = std::make_shared<wharf::v1::LocalMessage>();
    out->set_topic(text(from.topic));
    out->set_payload(text(from.payload));
    out->set_qos(from.qos);
    out->set_retain(from.retain);
    if (from.message_expiry_s)
        out->set_expires_at_us(
            std::max<std::int64_t>(1, journal_us + *from.message_expiry_s * k_second_us));
    out->set_payload_is_utf8(from.payload_is_utf8);
    out->set_content_type(text(from.content_type));
    out->set_response_topic(text(from.response_topic));
    if (from.correlation_data) out->set_correlation_data(text(*from.correlation_data));
    add_properties(from.user_properties, *out);
    return out;
}

wharf::v1::LocalMessage make_message(const mqtt::will_message& from) {
    const auto& properties = from.properties;
    wharf::v1::LocalMessage out;
    out.set_topic(text(from.topic));
    out.set_payload(text(from.payload));
    out.set_qos(from.qos);
    out.set_retain(from.retain);
    if (properties.has(mqtt::property::message_expiry_interval))
        out.set_expires_at_us(std::max<std::int64_t>(1, properties.message_expiry_s * k_second_us));
    out.set_payload_is_utf8(properties.payload_format_indicator == 1);
    out.set_content_type(text(properties.content_type));
    out.set_response_topic(text(properties.response_topic));
    if (properties.has(mqtt::property::correlation_data))
        out.set_correlation_data(text(properties.correlation_data));
    add_properties(properties.user, out);
    return out;
}

message_ptr start_expiry(const message_ptr& of, std::int64_t journal_us) {
    if (of->expires_at_us() == 0) return of;
    auto out = std::make_shared<wharf::v1::LocalMessage>(*of);
    out->set_expires_at_us(of->expires_at_us() + journal_us);
    return out;
}

result<message_ptr> parse_message(const std::string& bytes, const std::string& client_id) {
    auto out = std::make_shared<wharf::v1::LocalMessage>();
    if (!out->ParseFromString(bytes))
        return error{errc::corrupt, "queue of client " + client_id + ": not a LocalMessage"};
    return message_ptr(std::move(out));
}

std::uint32_t bytes_of(const wharf::v1::LocalMessage& message) {
    std::size_t bytes = message.topic().size() + message.payload().size() +
                        message.content_type().size() + message.response_topic().size() +
                        message.correlation_data().size();
    for (const auto& each : message.user_properties())
        bytes += each.name().size() + each.value().size() + 64;
    return static_cast<std::uint32_t>(bytes);
}

} // namespace wharf::broker
