#include "gateway/ingest/mqtt/properties.hpp"

#include "gateway/base/limits.hpp"

#include <array>

namespace wharf::mqtt {
namespace {

template <class... Ids> constexpr std::uint64_t mask(Ids... ids) {
    return ((std::uint64_t{1} << static_cast<unsigned>(ids)) | ...);
}

using p = property;

// MQTT 5.0, table 2-4, less what only a server sends. A Subscription Identifier in a PUBLISH to the
// server is forbidden by a statement of its own [MQTT-3.3.4-6], so it is not in the list either.
constexpr std::array<std::uint64_t, 8> k_allowed = {
    mask(p::session_expiry_interval, p::receive_maximum, p::maximum_packet_size,
         p::topic_alias_maximum, p::request_response_information, p::request_problem_information,
         p::user_property, p::authentication_method, p::authentication_data),
    mask(p::will_delay_interval, p::payload_format_indicator, p::message_expiry_interval,
         p::content_type, p::response_topic, p::correlation_data, p::user_property),
    mask(p::payload_format_indicator, p::message_expiry_interval, p::topic_alias, p::response_topic,
         p::correlation_data, p::user_property, p::content_type),
    mask(p::reason_string, p::user_property),
    mask(p::subscription_identifier, p::user_property),
    mask(p::user_property),
    mask(p::session_expiry_interval, p::reason_string, p::user_property),
    mask(p::authentication_method, p::authentication_data, p::reason_string, p::user_property),
};

std::uint8_t read_flag(field_reader& in, std::string_view field) {
    const auto value = in.byte(field);
    if (value > 1) in.fail(reason::protocol_error, std::string(field) + ": expected 0 or 1");
    return value;
}

template <class T> T non_zero(field_reader& in, T value, std::string_view field, reason code) {
    if (value == 0 && in.ok()) in.fail(code, std::string(field) + ": must not be 0");
    return value;
}

void read_response_topic(field_reader& in, properties& out) {
    out.response_topic = in.text("Response Topic");
    if (!in.ok()) return;
    if (out.response_topic.empty())
        in.fail(reason::protocol_error, "Response Topic: must not be empty [MQTT-4.7.3-1]");
    else if (out.response_topic.find_first_of("+#") != std::string_view::npos)
        in.fail(reason::protocol_error,
                "Response Topic: must not contain wildcards [MQTT-3.3.2-14]");
}

void read_user_property(field_reader& in, properties& out) {
    const auto name = in.text("User Property name");
    const auto value = in.text("User Property value");
    if (!in.ok()) return;
    if (out.user.size() < limits::k_user_properties_max)
        out.user.push_back({name, value});
    else
        ++out.user_dropped;
}

void read_value(field_reader& in, property id, properties& out) {
    switch (id) {
    case p::payload_format_indicator:
        out.payload_format_indicator = read_flag(in, "Payload Format Indicator");
        break;
    case p::message_expiry_interval:
        out.message_expiry_s = in.u32("Message Expiry Interval");
        break;
    case p::content_type:
        out.content_type = in.text("Content Type");
        break;
    case p::response_topic:
        read_response_topic(in, out);
        break;
    case p::correlation_data:
        out.correlation_data = in.binary("Correlation Data");
        break;
    case p::subscription_identifier:
        out.subscription_identifier = non_zero(in, in.varint("Subscription Identifier"),
                                               "Subscription Identifier", reason::protocol_error);
        break;
    case p::session_expiry_interval:
        out.session_expiry_s = in.u32("Session Expiry Interval");
        break;
    case p::authentication_method:
        out.authentication_method = in.text("Authentication Method");
        break;
    case p::authentication_data:
        out.authentication_data = in.binary("Authentication Data");
        break;
    case p::request_problem_information:
        out.request_problem_information = read_flag(in, "Request Problem Information");
        break;
    case p::will_delay_interval:
        out.will_delay_s = in.u32("Will Delay Interval");
        break;
    case p::request_response_information:
        out.request_response_information = read_flag(in, "Request Response Information");
        break;
    case p::reason_string:
        out.reason_string = in.text("Reason String");
        break;
    case p::receive_maximum:
        out.receive_maximum =
            non_zero(in, in.u16("Receive Maximum"), "Receive Maximum", reason::protocol_error);
        break;
    case p::topic_alias_maximum:
        out.topic_alias_maximum = in.u16("Topic Alias Maximum");
        break;
    case p::topic_alias:
        out.topic_alias = non_zero(in, in.u16("Topic Alias"), "Topic Alias [MQTT-3.3.2-8]",
                                   reason::topic_alias_invalid);
        break;
    case p::user_property:
        read_user_property(in, out);
        break;
    case p::maximum_packet_size:
        out.maximum_packet_bytes = non_zero(in, in.u32("Maximum Packet Size"),
                                            "Maximum Packet Size", reason::protocol_error);
        break;
    default:
        break; // the rest is never allowed in what a server receives
    }
}

} // namespace

void properties::clear() {
    auto kept = std::move(user);
    kept.clear();
    *this = properties{};
    user = std::move(kept);
}

void read_properties(field_reader& in, property_place place, properties& out) {
    out.clear();
    const auto size = in.varint("Property Length");
    field_reader list(in.take(size, "Properties"));
    while (in.ok() && !list.empty()) {
        const auto id = list.varint("Property Identifier");
        if (list.ok()) {
            const auto bit = id < 64 ? std::uint64_t{1} << id : 0;
            if ((k_allowed[static_cast<std::size_t>(place)] & bit) == 0) {
                const bool subscription = place == property_place::publish &&
                                          id == static_cast<unsigned>(p::subscription_identifier);
                list.fail(subscription ? reason::protocol_error : reason::malformed_packet,
                          subscription ? "Subscription Identifier: not in a PUBLISH to a server "
                                         "[MQTT-3.3.4-6]"
                                       : "Property Identifier: " + std::to_string(id) +
                                             " is not allowed in this packet (section 2.2.2.2)");
            } else if ((out.present & bit) != 0 && id != static_cast<unsigned>(p::user_property)) {
                list.fail(reason::protocol_error,
                          "Property Identifier: " + std::to_string(id) + " appears more than once");
            } else {
                out.present |= bit;
                read_value(list, static_cast<property>(id), out);
            }
        }
        if (auto outcome = list.finish(); !outcome.ok())
            in.fail(outcome.failure().code, std::move(outcome.failure().message));
    }
    if (in.ok() && out.has(p::authentication_data) && !out.has(p::authentication_method))
        in.fail(reason::protocol_error, "Authentication Data: needs an Authentication Method");
}

} // namespace wharf::mqtt
