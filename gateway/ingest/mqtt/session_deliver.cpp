// What goes to the client: PUBLISH and its acknowledgements; subscriptions.
#include "gateway/ingest/mqtt/session.hpp"

#include "gateway/base/assert.hpp"

namespace wharf::mqtt {

checked session::handle_ack(packet_type type, std::string_view body) {
    ack_packet packet;
    WHARF_TRY(parse_ack(type, body, peer_.version, packet));
    sink_.acknowledged(type, packet.packet_id, packet.code);
    return success{};
}

checked session::handle_subscribe(std::string_view body) {
    subscribe_packet packet;
    WHARF_TRY(parse_subscribe(body, peer_.version, packet));
    ++subscribes_owed_;
    sink_.subscribe(
        {packet.packet_id, packet.properties.subscription_identifier, packet.subscriptions});
    return success{};
}

checked session::handle_unsubscribe(std::string_view body) {
    unsubscribe_packet packet;
    WHARF_TRY(parse_unsubscribe(body, peer_.version, packet));
    ++subscribes_owed_;
    sink_.unsubscribe({packet.packet_id, packet.filters});
    return success{};
}

void session::on_subscribed(std::uint16_t packet_id, std::span<const reason> codes,
                            std::string_view why) {
    if (state_ != state::open) return;
    WHARF_ASSERT(subscribes_owed_ > 0);
    --subscribes_owed_;
    if (!append_suback(output_, peer_, packet_id, codes, wants_reason_strings_ ? why : ""))
        return fail({reason::packet_too_large,
                     "Maximum Packet Size: the client's is too small for its SUBACK"});
    resume();
}

void session::on_unsubscribed(std::uint16_t packet_id, std::span<const reason> codes) {
    if (state_ != state::open) return;
    WHARF_ASSERT(subscribes_owed_ > 0);
    --subscribes_owed_;
    if (!append_unsuback(output_, peer_, packet_id, codes))
        return fail({reason::packet_too_large,
                     "Maximum Packet Size: the client's is too small for its UNSUBACK"});
    resume();
}

// 0: the client wants none, or they are all given out.
std::uint16_t session::alias_for(std::string_view topic, bool& is_new) {
    is_new = false;
    if (alias_out_max_ == 0) return 0;
    std::string name(topic);
    const auto found = aliases_out_.find(name);
    if (found != aliases_out_.end()) return found->second;
    if (aliases_out_.size() >= alias_out_max_) return 0;
    is_new = true;
    return aliases_out_
        .emplace(std::move(name), static_cast<std::uint16_t>(aliases_out_.size() + 1))
        .first->second;
}

bool session::send_publish(outgoing_publish packet) {
    WHARF_ASSERT(state_ == state::open);
    bool is_new = false;
    const auto topic = packet.topic;
    packet.topic_alias = alias_for(topic, is_new);
    if (packet.topic_alias != 0 && !is_new) packet.topic = {};
    if (append_publish(output_, peer_, packet)) return true;
    if (!is_new) return false;
    // The client does not know the alias yet; without it the packet is shorter.
    aliases_out_.erase(std::string(topic));
    packet.topic_alias = 0;
    return append_publish(output_, peer_, packet);
}

void session::send_pubrel(std::uint16_t packet_id, reason code) {
    if (state_ != state::open) return;
    append_ack(output_, peer_, packet_type::pubrel, packet_id, code);
}

} // namespace wharf::mqtt
