// CONNECT and its answer.
#include "gateway/ingest/mqtt/session.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/base/mutant.hpp"

#include <algorithm>

namespace wharf::mqtt {

checked session::handle_connect(const fixed_header& header, std::string_view body) {
    connect_packet packet;
    auto outcome = parse_connect(body, packet);
    if (packet.version == k_version_3_1_1 || packet.version == k_version_5)
        peer_.version = packet.version;
    if (outcome.ok() && packet.version == k_version_5 && !header.shortest)
        outcome = protocol_error{reason::malformed_packet,
                                 "Remaining Length: not in the shortest form [MQTT-1.5.5-1]"};
    if (outcome.ok()) outcome = check_connect(packet);
    if (!outcome.ok()) {
        // A level above 5 is of a protocol that has reason codes, one below 4 is not.
        if (packet.version > k_version_5) peer_.version = k_version_5;
        const bool understood = packet.is_mqisdp || packet.version != 0;
        if (understood) {
            peer_.packet_bytes_max = packet.properties.maximum_packet_bytes;
            refuse_connect(outcome.failure(), packet.is_mqisdp);
        }
        shut(outcome.failure().message, {}, true);
        return success{};
    }
    negotiate(packet);
    open_request request;
    request.client_id_assigned = client_id_assigned_;
    request.client_id =
        client_id_assigned_ ? std::string_view(assigned_client_id_) : packet.client_id;
    request.clean_start = packet.clean_start;
    request.protocol_version = packet.version;
    request.session_expiry_s = session_expiry_s_;
    request.keep_alive_s = keep_alive_s_;
    request.username = packet.username;
    request.password = packet.password;
    request.will = packet.will ? &*packet.will : nullptr;
    request.user_properties = packet.properties.user;
    request.receive_maximum = packet.properties.receive_maximum;
    state_ = state::opening;
    open_unanswered_ = true;
    sink_.open_session(request);
    return success{};
}

checked session::check_connect(const connect_packet& packet) const {
    if (packet.properties.has(property::authentication_method))
        return protocol_error{reason::bad_authentication_method,
                              "Authentication Method: enhanced authentication is not supported "
                              "[MQTT-4.12.0-1]"};
    if (packet.will && packet.will->properties.user_dropped > 0)
        return too_many_user_properties("Will");
    if (packet.will && packet.will->topic.size() > limits::k_topic_bytes_max)
        return protocol_error{reason::topic_name_invalid,
                              "Will Topic: at most " + std::to_string(limits::k_topic_bytes_max) +
                                  " bytes"};
    if (packet.version == k_version_3_1_1 && packet.client_id.empty() && !packet.clean_start)
        return protocol_error{reason::client_identifier_not_valid,
                              "Client Identifier: must not be empty without a clean session "
                              "[3.1.1: MQTT-3.1.3-8]"};
    if (packet.client_id.size() > limits::k_client_id_bytes_max)
        return protocol_error{reason::client_identifier_not_valid,
                              "Client Identifier: at most " +
                                  std::to_string(limits::k_client_id_bytes_max) + " bytes"};
    return success{};
}

protocol_error session::too_many_user_properties(std::string_view where) {
    return {reason::quota_exceeded, std::string(where) + " User Property: at most " +
                                        std::to_string(limits::k_user_properties_max)};
}

// What the client asked for, within what the server allows.
void session::negotiate(const connect_packet& packet) {
    client_id_assigned_ = packet.client_id.empty();
    keep_alive_s_ = packet.keep_alive_s;
    if (packet.version == k_version_3_1_1) {
        session_expiry_s_ = packet.clean_start ? 0 : limits_.session_expiry_s_max;
        requested_expiry_s_ = session_expiry_s_;
        return;
    }
    peer_.packet_bytes_max = packet.properties.maximum_packet_bytes;
    alias_out_max_ = std::min(packet.properties.topic_alias_maximum, limits::k_topic_alias_max);
    wants_reason_strings_ = packet.properties.request_problem_information != 0;
    requested_expiry_s_ = packet.properties.session_expiry_s;
    session_expiry_s_ = std::min(requested_expiry_s_, limits_.session_expiry_s_max);
    if (keep_alive_s_ == 0 || keep_alive_s_ > limits_.keep_alive_s_max) {
        server_keep_alive_ = limits_.keep_alive_s_max != keep_alive_s_;
        keep_alive_s_ = limits_.keep_alive_s_max;
    }
}

void session::refuse_connect(const protocol_error& failure, bool is_mqisdp) {
    // 3.1.1 answers only what its CONNACK has a code for; a malformed CONNECT is just closed
    // [3.1.1: MQTT-3.1.4-1]. MQIsdp reads the same two bytes.
    if (is_mqisdp || peer_.version != k_version_5) {
        peer_.version = k_version_3_1_1;
        if (failure.code != reason::unsupported_protocol_version &&
            failure.code != reason::client_identifier_not_valid)
            return;
    }
    connack_packet refusal;
    refusal.code = failure.code;
    refusal.reason_string = failure.message;
    answer_connect(refusal);
}

void session::answer_connect(const connack_packet& packet) {
    (void)append_connack(output_, peer_, packet);
}

void session::on_opened(bool session_present, std::span<const std::uint16_t> qos2_packet_ids) {
    WHARF_ASSERT(open_unanswered_);
    open_unanswered_ = false;
    if (state_ == state::closed) {
        // The connection went away meanwhile; the session was opened nevertheless.
        if (!taken_over_) sink_.close_session({session_expiry_s_, true});
        return;
    }
    state_ = state::open;
    last_packet_ms_ = now_ms_;
    if (session_present && !WHARF_MUTANT(qos2_ids_of_session_forgotten))
        for (const auto id : qos2_packet_ids)
            qos2_.set(id, id_state::received_earlier);
    connack_packet accepted;
    accepted.session_present = session_present || WHARF_MUTANT(session_present_lies);
    if (session_expiry_s_ != requested_expiry_s_) accepted.session_expiry_s = session_expiry_s_;
    if (server_keep_alive_) accepted.server_keep_alive_s = keep_alive_s_;
    accepted.receive_maximum = limits_.receive_maximum;
    accepted.packet_bytes_max = static_cast<std::uint32_t>(limits_.packet_bytes_max);
    accepted.topic_alias_maximum = limits_.topic_alias_maximum;
    if (client_id_assigned_) accepted.assigned_client_id = assigned_client_id_;
    if (!append_connack(output_, peer_, accepted)) {
        shut("Maximum Packet Size: the client's is too small for a CONNACK",
             {session_expiry_s_, true}, true);
        return;
    }
    resume();
}

void session::on_refused(reason code, std::string_view why) {
    WHARF_ASSERT(open_unanswered_ && is_failure(code));
    open_unanswered_ = false;
    if (state_ == state::closed) return;
    connack_packet refusal;
    refusal.code = code;
    refusal.reason_string = why;
    answer_connect(refusal);
    shut(why, {}, true);
}

} // namespace wharf::mqtt
