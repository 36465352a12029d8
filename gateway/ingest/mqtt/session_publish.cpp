// PUBLISH, its acknowledgements, and the packets that only need an answer.
#include "gateway/ingest/mqtt/session.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/base/mutant.hpp"

#include <algorithm>

namespace wharf::mqtt {

// Puts the alias's topic into the packet, or remembers the packet's topic under the alias.
checked session::resolve_topic() {
    if (publish_.properties.has(property::topic_alias)) {
        const std::size_t alias = publish_.properties.topic_alias;
        if (alias > limits_.topic_alias_maximum)
            return protocol_error{reason::topic_alias_invalid,
                                  "Topic Alias: at most " +
                                      std::to_string(limits_.topic_alias_maximum) +
                                      " [MQTT-3.3.2-9]"};
        if (aliases_.size() < alias) aliases_.resize(alias);
        auto& topic = aliases_[alias - 1];
        if (publish_.topic.empty() && topic.empty())
            return protocol_error{reason::protocol_error,
                                  "Topic Alias: has no topic yet (section 3.3.2.3.4)"};
        if (publish_.topic.size() > limits::k_topic_bytes_max)
            topic.clear();
        else if (!publish_.topic.empty())
            topic.assign(publish_.topic);
        if (publish_.topic.empty()) publish_.topic = topic;
    }
    if (publish_.topic.size() > limits::k_topic_bytes_max)
        return protocol_error{reason::topic_name_invalid,
                              "Topic Name: at most " + std::to_string(limits::k_topic_bytes_max) +
                                  " bytes"};
    return success{};
}

checked session::count_in_flight() {
    ++in_flight_;
    if (peer_.version != k_version_5 || in_flight_ <= limits_.receive_maximum) return success{};
    return protocol_error{reason::receive_maximum_exceeded,
                          "Receive Maximum: more than " + std::to_string(limits_.receive_maximum) +
                              " unacknowledged [MQTT-3.3.4-7]"};
}

checked session::handle_publish(const fixed_header& header, std::string_view body) {
    WHARF_TRY(parse_publish(header.flags, body, peer_.version, publish_));
    WHARF_TRY(resolve_topic());
    publish_request request;
    request.topic = publish_.topic;
    request.payload = publish_.payload;
    request.qos = publish_.qos;
    request.packet_id = publish_.packet_id;
    request.dup = publish_.dup;
    request.retain = publish_.retain;
    if (peer_.version == k_version_5) {
        const auto& list = publish_.properties;
        request.payload_is_utf8 = list.payload_format_indicator == 1;
        if (list.has(property::message_expiry_interval))
            request.message_expiry_s = list.message_expiry_s;
        request.content_type = list.content_type;
        request.response_topic = list.response_topic;
        if (list.has(property::correlation_data)) request.correlation_data = list.correlation_data;
        request.user_properties = list.user;
        // What is handed on has to be whole [MQTT-3.3.2-17].
        if (list.user_dropped > 0) return too_many_user_properties("PUBLISH");
    }
    const auto bytes = static_cast<std::uint32_t>(body.size());
    if (request.qos == 2) return publish_qos2(request, bytes);
    if (request.qos == 1) WHARF_TRY(count_in_flight());
    hand_over(request, request.qos == 1 ? owed::puback : owed::nothing, bytes);
    return success{};
}

// MQTT 5.0, section 4.3.3, "method A": the identifier is durable from the PUBREC to the PUBREL, and
// a PUBLISH that carries it meanwhile is answered but not published again.
checked session::publish_qos2(publish_request& request, std::uint32_t bytes) {
    const auto id = request.packet_id;
    switch (qos2_.get(id)) {
    case id_state::unknown:
        WHARF_TRY(count_in_flight());
        qos2_.set(id, id_state::publishing);
        hand_over(request, owed::pubrec, bytes);
        return success{};
    case id_state::received_earlier:
        // The client sends it again after a reconnection: now it counts.
        WHARF_TRY(count_in_flight());
        qos2_.set(id, id_state::received);
        [[fallthrough]];
    case id_state::received:
        acks_.push({0, id, owed::pubrec_repeated, reason::success, true});
        ++repeats_owed_;
        break;
    case id_state::publishing:
        // It stands behind the first one's PUBREC in the queue and so waits for its commit.
        acks_.push({0, id, owed::pubrec_repeated, reason::success, true});
        ++repeats_owed_;
        break;
    case id_state::releasing:
    case id_state::releasing_earlier:
        // The client may not use it before the PUBCOMP: to take the PUBLISH for a repetition would
        // lose a message, to take it for a new one would free its identifier with the old release.
        if (peer_.version != k_version_5)
            return protocol_error{reason::packet_identifier_in_use,
                                  "PUBLISH Packet Identifier: " + std::to_string(id) +
                                      " awaits its PUBCOMP [3.1.1: MQTT-2.3.1-2]"};
        WHARF_TRY(count_in_flight());
        acks_.push({0, id, owed::pubrec_in_use, reason::packet_identifier_in_use, true});
        release_ready();
        return success{};
    }
    sink_.repeated(request);
    release_ready();
    return success{};
}

void session::hand_over(publish_request& request, owed kind, std::uint32_t bytes) {
    unacknowledged_bytes_ += bytes;
    request.token = acks_.push({bytes, request.packet_id, kind, reason::success, false});
    sink_.publish(request);
    if (kind == owed::puback && WHARF_MUTANT(puback_before_commit))
        append_ack(output_, peer_, packet_type::puback, request.packet_id, reason::success);
    if (kind == owed::pubrec && WHARF_MUTANT(pubrec_before_commit))
        append_ack(output_, peer_, packet_type::pubrec, request.packet_id, reason::success);
}

void session::on_published(std::uint64_t token, reason code) {
    if (state_ == state::closed) return;
    auto* entry = acks_.find(token);
    WHARF_ASSERT(entry != nullptr && !entry->ready);
    WHARF_ASSERT(entry->kind <= owed::pubrec);
    WHARF_ASSERT(unacknowledged_bytes_ >= entry->bytes);
    unacknowledged_bytes_ -= entry->bytes;
    entry->ready = true;
    entry->code = code;
    if (entry->kind == owed::pubrec) {
        const bool forget = is_failure(code) || WHARF_MUTANT(qos2_id_forgotten_at_pubrec);
        qos2_.set(entry->packet_id, forget ? id_state::unknown : id_state::received);
        if (is_failure(code) && repeats_owed_ > 0) refuse_repeats(entry->packet_id, code);
    }
    release_ready();
    resume();
}

// The repetitions of a PUBLISH that came to nothing get the same answer.
void session::refuse_repeats(std::uint16_t packet_id, reason code) {
    for (auto token = acks_.begin_token(); token != acks_.end_token(); ++token) {
        auto& entry = *acks_.find(token);
        if (entry.kind == owed::pubrec_repeated && entry.packet_id == packet_id) entry.code = code;
    }
}

checked session::handle_pubrel(std::string_view body) {
    ack_packet packet;
    WHARF_TRY(parse_ack(packet_type::pubrel, body, peer_.version, packet));
    const auto id = packet.packet_id;
    switch (qos2_.get(id)) {
    case id_state::unknown:
        acks_.push({0, id, owed::pubcomp_again, reason::packet_identifier_not_found, true});
        break;
    case id_state::publishing:
        // To answer PUBCOMP would let the client use the identifier while it is still known here.
        return protocol_error{reason::protocol_error,
                              "PUBREL Packet Identifier: " + std::to_string(id) +
                                  " has had no PUBREC [MQTT-4.3.3-4]"};
    case id_state::releasing:
    case id_state::releasing_earlier:
        acks_.push({0, id, owed::pubcomp_again, reason::success, true});
        break;
    case id_state::received:
    case id_state::received_earlier: {
        const bool earlier = qos2_.get(id) == id_state::received_earlier;
        qos2_.set(id, earlier ? id_state::releasing_earlier : id_state::releasing);
        const auto token = acks_.push({0, id, owed::pubcomp, reason::success, false});
        sink_.release(token, id);
        if (WHARF_MUTANT(pubcomp_before_release)) on_released(token);
        return success{};
    }
    }
    release_ready();
    return success{};
}

void session::on_released(std::uint64_t token) {
    if (state_ == state::closed) return;
    auto* entry = acks_.find(token);
    if (WHARF_MUTANT(pubcomp_before_release) && (entry == nullptr || entry->ready)) return;
    WHARF_ASSERT(entry != nullptr && !entry->ready && entry->kind == owed::pubcomp);
    entry->ready = true;
    release_ready();
    resume();
}

// Writes what is ready at the front of the queue.
void session::release_ready() {
    for (auto token = acks_.begin_token();
         WHARF_MUTANT(acknowledged_out_of_order) && token != acks_.end_token(); ++token) {
        if (!acks_.find(token)->ready) continue;
        emit(*acks_.find(token));
        acks_.find(token)->kind = owed::nothing;
    }
    while (state_ == state::open && !acks_.empty() && acks_.front().ready) {
        const auto entry = acks_.front();
        const bool answered = entry.kind != owed::nothing;
        if (answered && is_failure(entry.code) && peer_.version != k_version_5 &&
            entry.kind != owed::pubcomp_again) {
            fail({entry.code, "PUBLISH refused (" + std::string(to_string(entry.code)) +
                                  "): MQTT 3.1.1 has no answer for it"});
            return;
        }
        acks_.pop();
        emit(entry);
    }
}

void session::emit(const owed_ack& entry) {
    auto answered_in_full = [this] {
        WHARF_ASSERT(in_flight_ > 0);
        --in_flight_;
    };
    switch (entry.kind) {
    case owed::nothing:
        return;
    case owed::puback:
        answered_in_full();
        if (WHARF_MUTANT(puback_before_commit)) return;
        append_ack(output_, peer_, packet_type::puback, entry.packet_id, entry.code);
        return;
    case owed::pubrec:
    case owed::pubrec_in_use:
        if (is_failure(entry.code)) answered_in_full();
        if (WHARF_MUTANT(pubrec_before_commit)) return;
        append_ack(output_, peer_, packet_type::pubrec, entry.packet_id, entry.code);
        return;
    case owed::pubrec_repeated:
        --repeats_owed_;
        append_ack(output_, peer_, packet_type::pubrec, entry.packet_id, entry.code);
        return;
    case owed::pubcomp:
        if (qos2_.get(entry.packet_id) == id_state::releasing) answered_in_full();
        qos2_.set(entry.packet_id, id_state::unknown);
        [[fallthrough]];
    case owed::pubcomp_again:
        append_ack(output_, peer_, packet_type::pubcomp, entry.packet_id, entry.code);
        return;
    }
}

checked session::handle_disconnect(std::string_view body) {
    reason_packet packet;
    WHARF_TRY(parse_disconnect(body, peer_.version, packet));
    session_end how{session_expiry_s_, packet.code != reason::success};
    if (packet.properties.has(property::session_expiry_interval)) {
        if (requested_expiry_s_ == 0 && packet.properties.session_expiry_s != 0)
            return protocol_error{reason::protocol_error,
                                  "Session Expiry Interval: was 0 in the CONNECT and must stay 0 "
                                  "(section 3.14.2.2.2)"};
        how.session_expiry_s =
            std::min(packet.properties.session_expiry_s, limits_.session_expiry_s_max);
    }
    const bool in_order = !is_failure(packet.code);
    shut(in_order ? "" : "the client disconnected: " + std::string(to_string(packet.code)), how,
         true);
    return success{};
}

} // namespace wharf::mqtt
