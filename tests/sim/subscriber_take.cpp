// What a consumer is given, and how it acknowledges that.
#include "gateway/base/topic_filter.hpp"
#include "tests/sim/subscriber.hpp"

#include <algorithm>

namespace wharf::sim {

bool sim_subscriber::holds(const std::string& topic, std::uint8_t qos_min) const {
    return std::ranges::any_of(held_, [&](const auto& one) {
        return one.second >= qos_min && filter_fits(one.first, topic);
    });
}

void sim_subscriber::expect(std::size_t which) {
    const auto& m = watch_.message_at(which);
    if (!plan_.local.ample || !session_is_certain() || m.qos == 0 || m.expiry_s > 0 ||
        watch_.message_of(m.payload) != which || !holds(m.topic, 1))
        return;
    expected_.insert(which);
    world_.note("expected", number_, which);
}

// Whenever it is published, this session is there and has its subscription.
void sim_subscriber::expect_will(std::size_t which) {
    const auto& will = watch_.wills().at(which);
    if (!plan_.local.ample || !session_is_certain() || will.qos == 0 || !holds(will.topic, 1))
        return;
    expected_wills_.insert(which);
    world_.note("will expected", number_, which);
}

void sim_subscriber::check_end() const {
    for (const std::size_t which : expected_wills_)
        if (watch_.wills().must_come(which))
            violated("wills", who() + ": never got \"" + watch_.wills().at(which).payload +
                                  "\", whose connection was lost");
    for (const std::size_t which : expected_)
        if (watch_.message_at(which).acknowledged)
            violated("completeness", who() + ": message " + std::to_string(which) + " on " +
                                         watch_.message_at(which).topic +
                                         " was acknowledged to its sender and never delivered");
}

void sim_subscriber::on_publish(const wire::answer& packet) {
    changed_us_ = world_.now_us();
    if (std::ranges::none_of(times_subscribed_,
                             [&](const auto& one) { return filter_fits(one.first, packet.topic); }))
        violated("subscriptions", who() + ": it never asked for " + packet.topic);
    if (packet.qos == 0) return take(packet, true);
    const auto id = packet.packet_id;
    const auto name = who() + ": packet id " + std::to_string(id);
    if (!in_flight_.insert(id).second)
        violated("packet ids", name + " is used again before its acknowledgement");
    const std::size_t most = version_ == 4          ? plan_.local.broker.inflight_max
                             : receive_maximum_ > 0 ? receive_maximum_
                                                    : 65535;
    if (in_flight_.size() > most)
        violated("receive maximum", who() + ": " + std::to_string(in_flight_.size()) +
                                        " in flight, at most " + std::to_string(most));
    const auto at = owed_.find(id);
    const bool known = at != owed_.end();
    // What expired at QoS 1 is given up, and its identifier is free.
    const bool given_up = known && at->second.qos == 1 && at->second.expires;
    if (known && !given_up && !unsure_) {
        if (at->second.payload != packet.payload || at->second.topic != packet.topic ||
            at->second.qos != packet.qos)
            violated("packet ids", name + " carries another message than before");
        if (!packet.dup) violated("DUP", name + " is sent again without DUP");
    }
    if (packet.dup) world_.fired(fault::delivery_repeated);
    // At QoS 1 what comes with DUP may have come before; at QoS 2 the identifier tells.
    const bool is_new = packet.qos == 1 ? !packet.dup : !known;
    const auto which = watch_.message_of(packet.payload);
    const bool expires = which == local_watch::k_none ? watch_.wills().find(packet.payload) == 0
                                                      : watch_.message_at(which).expiry_s > 0;
    owed_[id] = {packet.topic, packet.payload, packet.qos, false, expires};
    if (packet.qos == 1 || is_new) take(packet, is_new);
    later(packet.qos == 1 ? wire::kind::puback : wire::kind::pubrec, id);
}

void sim_subscriber::on_pubrel(const wire::answer& packet) {
    changed_us_ = world_.now_us();
    const auto id = packet.packet_id;
    const auto at = owed_.find(id);
    const bool early = at != owed_.end() && !at->second.recorded;
    if (!unsure_ && (early || !recorded_.contains(id)))
        violated("PUBREL",
                 who() + ": of packet id " + std::to_string(id) +
                     (early ? ", whose PUBREC is not sent" : ", which it never recorded"));
    if (at != owed_.end()) owed_.erase(at);
    later(wire::kind::pubcomp, id);
}

// PUBACKs leave in the order of what they answer, and so do PUBRECs [MQTT-4.6.0-2]; PUBCOMPs as
// they like.
void sim_subscriber::later(wire::kind what, std::uint16_t packet_id) {
    if (ack_delay_us_ == 0 || healed_) return acknowledge(what, packet_id);
    auto at = world_.now_us() + random_.between(0, ack_delay_us_);
    if (what != wire::kind::pubcomp) at = ack_us_[what] = std::max(at, ack_us_[what]);
    world_.at(at, [this, what, packet_id, connection = connection_] {
        if (connection == connection_ && state_ == state::online) acknowledge(what, packet_id);
    });
}

void sim_subscriber::acknowledge(wire::kind what, std::uint16_t packet_id) {
    if (what == wire::kind::pubrec) {
        owed_[packet_id].recorded = true;
        recorded_.insert(packet_id);
    } else {
        if (what == wire::kind::puback) owed_.erase(packet_id);
        in_flight_.erase(packet_id);
    }
    world_.note("from consumer", number_, static_cast<std::uint64_t>(what), packet_id);
    send(wire::acknowledgement(what, packet_id));
}

void sim_subscriber::take(const wire::answer& packet, bool is_new) {
    const auto which = watch_.message_of(packet.payload);
    world_.note("delivered", number_, which, packet.packet_id);
    if (packet.retain) {
        world_.fired(fault::retained_delivered);
        retained_[packet.topic] = packet.payload;
    }
    if (const auto will = watch_.wills().find(packet.payload); will != 0)
        return take_will(packet, will, is_new);
    if (which == local_watch::k_none) return; // nothing tells it from others
    const auto& m = watch_.message_at(which);
    if (m.topic != packet.topic)
        violated("subscriptions",
                 who() + ": message " + std::to_string(which) + " on another topic");
    if (packet.qos > m.qos)
        violated("subscriptions", who() + ": message " + std::to_string(which) + " at QoS " +
                                      std::to_string(packet.qos) + ", published at QoS " +
                                      std::to_string(m.qos));
    if (packet.retain) return take_retained(which, is_new);
    if (is_new && !unsure_) {
        const auto times = ++times_new_[which];
        const auto most = m.qos == 1 ? m.times_sent : m.times_anew;
        if (times > most)
            violated("delivered once", who() + ": message " + std::to_string(which) + " at QoS " +
                                           std::to_string(packet.qos) + " " +
                                           std::to_string(times) + " times, sent " +
                                           std::to_string(most) + " times");
    }
    check_order(m, which);
}

void sim_subscriber::take_retained(std::size_t which, bool is_new) {
    const auto& m = watch_.message_at(which);
    if (!m.retain) violated("retained", who() + ": message " + std::to_string(which) + " is not");
    if (!is_new || unsure_) return;
    std::uint32_t most = 0;
    for (const auto& [filter, times] : times_subscribed_)
        if (filter_fits(filter, m.topic)) most += times;
    if (++times_retained_[which] > most)
        violated("delivered once", who() + ": retained message " + std::to_string(which) +
                                       " more often than it subscribed");
}

void sim_subscriber::take_will(const wire::answer& packet, std::size_t which, bool is_new) {
    const auto& will = watch_.wills().at(which);
    const auto wrong = [&](const std::string& words) {
        violated("wills", who() + ": \"" + will.payload + "\" " + words);
    };
    if (will.topic != packet.topic) wrong("on another topic");
    if (packet.qos > will.qos) wrong("at QoS " + std::to_string(packet.qos));
    if (watch_.wills().must_not_come(which, harbour_.life())) wrong("of one who said good-bye");
    if (packet.retain) {
        if (!will.retain) wrong("as a retained message");
        return;
    }
    world_.fired(fault::will_delivered);
    expected_wills_.erase(which);
    if (is_new && !unsure_ && ++times_will_[which] > 1) wrong("twice");
}

// Of what was published for this session from the beginning; the rest may come again and late.
void sim_subscriber::check_order(const message& what, std::size_t which) {
    if (expected_.erase(which) == 0 && (what.qos > 0 || unsure_)) return;
    auto& last = last_on_[{what.topic, what.qos}];
    if (last > which)
        violated("delivery order", who() + ": message " + std::to_string(which) + " on " +
                                       what.topic + " after " + std::to_string(last));
    last = which;
}

} // namespace wharf::sim
