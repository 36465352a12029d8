#include "gateway/ingest/mqtt/packet.hpp"

#include <algorithm>

namespace wharf::mqtt {
namespace {

void check_topic(field_reader& in, const publish_packet& packet) {
    if (std::any_of(packet.topic.begin(), packet.topic.end(),
                    [](char c) { return c == '+' || c == '#'; }))
        in.fail(reason::malformed_packet, "Topic Name: must not contain wildcards [MQTT-3.3.2-2]");
    if (packet.topic.empty() && !packet.properties.has(property::topic_alias))
        in.fail(reason::protocol_error,
                "Topic Name: must not be empty without a Topic Alias [MQTT-4.7.3-1]");
}

reason read_ack_reason(field_reader& in, packet_type type) {
    const auto code = static_cast<reason>(in.byte("Reason Code"));
    const bool of_release = type == packet_type::pubrel || type == packet_type::pubcomp;
    bool known = code == reason::success;
    if (of_release) {
        known = known || code == reason::packet_identifier_not_found;
    } else {
        switch (code) {
        case reason::no_matching_subscribers:
        case reason::unspecified_error:
        case reason::implementation_specific_error:
        case reason::not_authorized:
        case reason::topic_name_invalid:
        case reason::packet_identifier_in_use:
        case reason::quota_exceeded:
        case reason::payload_format_invalid:
            known = true;
            break;
        default:
            break;
        }
    }
    if (!known && in.ok())
        in.fail(reason::protocol_error, std::string(to_string(type)) + " Reason Code: " +
                                            std::to_string(static_cast<unsigned>(code)) +
                                            " is not one of this packet");
    return code;
}

} // namespace

checked parse_publish(std::uint8_t flags, std::string_view body, std::uint8_t version,
                      publish_packet& out) {
    field_reader in(body);
    out.dup = (flags & 8) != 0;
    out.retain = (flags & 1) != 0;
    out.qos = static_cast<std::uint8_t>((flags >> 1) & 3);
    out.packet_id = 0;
    out.topic = in.text("Topic Name");
    if (in.ok() && out.qos > 0) {
        out.packet_id = in.u16("Packet Identifier");
        if (in.ok() && out.packet_id == 0)
            in.fail(reason::protocol_error,
                    "PUBLISH Packet Identifier: must not be 0 [MQTT-2.2.1-3]");
    }
    if (version == k_version_5)
        read_properties(in, property_place::publish, out.properties);
    else
        out.properties.clear();
    if (in.ok()) check_topic(in, out);
    out.payload = in.remainder();
    return in.finish();
}

checked parse_ack(packet_type type, std::string_view body, std::uint8_t version, ack_packet& out) {
    field_reader in(body);
    out.properties.clear();
    out.code = reason::success;
    out.packet_id = in.u16("Packet Identifier");
    if (in.ok() && out.packet_id == 0)
        in.fail(reason::protocol_error,
                std::string(to_string(type)) + " Packet Identifier: must not be 0 [MQTT-2.2.1-3]");
    // Both may be left out: the reason where it is Success, the length where there are none.
    if (version == k_version_5 && !in.empty()) {
        out.code = read_ack_reason(in, type);
        if (in.ok() && !in.empty())
            read_properties(in, property_place::acknowledgement, out.properties);
    }
    in.expect_end(to_string(type));
    return in.finish();
}

} // namespace wharf::mqtt
