// PINGREQ, DISCONNECT and AUTH.
#include "gateway/ingest/mqtt/packet.hpp"

namespace wharf::mqtt {
namespace {

// MQTT 5.0, table 3-10, the rows a client may send.
bool is_client_disconnect(reason code) {
    switch (code) {
    case reason::success:
    case reason::disconnect_with_will:
    case reason::unspecified_error:
    case reason::malformed_packet:
    case reason::protocol_error:
    case reason::implementation_specific_error:
    case reason::topic_name_invalid:
    case reason::receive_maximum_exceeded:
    case reason::topic_alias_invalid:
    case reason::packet_too_large:
    case reason::message_rate_too_high:
    case reason::quota_exceeded:
    case reason::administrative_action:
    case reason::payload_format_invalid:
        return true;
    default:
        return false;
    }
}

bool is_client_auth(reason code) {
    return code == reason::continue_authentication || code == reason::reauthenticate;
}

// A Reason Code and properties, each of which may be left out from the end.
checked parse_reason_packet(std::string_view body, packet_type type, property_place place,
                            bool (*allowed)(reason), reason_packet& out) {
    field_reader in(body);
    if (!in.empty()) {
        out.code = static_cast<reason>(in.byte("Reason Code"));
        if (!in.empty()) read_properties(in, place, out.properties);
    }
    if (in.ok() && !allowed(out.code))
        in.fail(reason::protocol_error, std::string(to_string(type)) + " Reason Code: " +
                                            std::to_string(static_cast<unsigned>(out.code)) +
                                            " is not one a client may send");
    in.expect_end(to_string(type));
    return in.finish();
}

} // namespace

checked parse_pingreq(std::string_view body) {
    field_reader in(body);
    in.expect_end("PINGREQ");
    return in.finish();
}

checked parse_disconnect(std::string_view body, std::uint8_t version, reason_packet& out) {
    out.code = reason::success;
    out.properties.clear();
    if (version == k_version_5)
        return parse_reason_packet(body, packet_type::disconnect, property_place::disconnect,
                                   is_client_disconnect, out);
    field_reader in(body);
    in.expect_end("DISCONNECT");
    return in.finish();
}

checked parse_auth(std::string_view body, std::uint8_t version, reason_packet& out) {
    out.code = reason::success;
    out.properties.clear();
    if (version != k_version_5)
        return protocol_error{reason::malformed_packet,
                              "packet type: AUTH is not part of MQTT 3.1.1"};
    return parse_reason_packet(body, packet_type::auth, property_place::auth, is_client_auth, out);
}

} // namespace wharf::mqtt
