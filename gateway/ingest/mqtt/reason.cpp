#include "gateway/ingest/mqtt/reason.hpp"

namespace wharf::mqtt {

std::string_view to_string(reason code) noexcept {
    switch (code) {
    case reason::success:
        return "Success";
    case reason::disconnect_with_will:
        return "Disconnect with Will Message";
    case reason::no_matching_subscribers:
        return "No matching subscribers";
    case reason::no_subscription_existed:
        return "No subscription existed";
    case reason::continue_authentication:
        return "Continue authentication";
    case reason::reauthenticate:
        return "Re-authenticate";
    case reason::unspecified_error:
        return "Unspecified error";
    case reason::malformed_packet:
        return "Malformed Packet";
    case reason::protocol_error:
        return "Protocol Error";
    case reason::implementation_specific_error:
        return "Implementation specific error";
    case reason::unsupported_protocol_version:
        return "Unsupported Protocol Version";
    case reason::client_identifier_not_valid:
        return "Client Identifier not valid";
    case reason::bad_user_name_or_password:
        return "Bad User Name or Password";
    case reason::not_authorized:
        return "Not authorized";
    case reason::server_unavailable:
        return "Server unavailable";
    case reason::server_busy:
        return "Server busy";
    case reason::banned:
        return "Banned";
    case reason::server_shutting_down:
        return "Server shutting down";
    case reason::bad_authentication_method:
        return "Bad authentication method";
    case reason::keep_alive_timeout:
        return "Keep Alive timeout";
    case reason::session_taken_over:
        return "Session taken over";
    case reason::topic_filter_invalid:
        return "Topic Filter invalid";
    case reason::topic_name_invalid:
        return "Topic Name invalid";
    case reason::packet_identifier_in_use:
        return "Packet Identifier in use";
    case reason::packet_identifier_not_found:
        return "Packet Identifier not found";
    case reason::receive_maximum_exceeded:
        return "Receive Maximum exceeded";
    case reason::topic_alias_invalid:
        return "Topic Alias invalid";
    case reason::packet_too_large:
        return "Packet too large";
    case reason::message_rate_too_high:
        return "Message rate too high";
    case reason::quota_exceeded:
        return "Quota exceeded";
    case reason::administrative_action:
        return "Administrative action";
    case reason::payload_format_invalid:
        return "Payload format invalid";
    case reason::retain_not_supported:
        return "Retain not supported";
    case reason::qos_not_supported:
        return "QoS not supported";
    case reason::use_another_server:
        return "Use another server";
    case reason::server_moved:
        return "Server moved";
    case reason::shared_subscriptions_not_supported:
        return "Shared Subscriptions not supported";
    case reason::connection_rate_exceeded:
        return "Connection rate exceeded";
    case reason::maximum_connect_time:
        return "Maximum connect time";
    case reason::subscription_identifiers_not_supported:
        return "Subscription Identifiers not supported";
    case reason::wildcard_subscriptions_not_supported:
        return "Wildcard Subscriptions not supported";
    }
    return "unknown reason code";
}

connect_return to_connect_return(reason code) noexcept {
    switch (code) {
    case reason::unsupported_protocol_version:
        return connect_return::unacceptable_protocol_version;
    case reason::client_identifier_not_valid:
        return connect_return::identifier_rejected;
    case reason::bad_user_name_or_password:
        return connect_return::bad_user_name_or_password;
    case reason::not_authorized:
    case reason::banned:
        return connect_return::not_authorized;
    default:
        return connect_return::server_unavailable;
    }
}

} // namespace wharf::mqtt
