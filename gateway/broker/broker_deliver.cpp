// What goes out to clients: queues, retained messages, subscriptions and acknowledgements.
#include "gateway/base/assert.hpp"
#include "gateway/base/mutant.hpp"
#include "gateway/base/topic_filter.hpp"
#include "gateway/broker/broker.hpp"
#include "gateway/broker/client.hpp"
#include "gateway/broker/message.hpp"

#include <algorithm>

namespace wharf::broker {

namespace {

// Retained messages are looked up no faster than the client takes them.
constexpr std::size_t k_retained_ahead = 32;
// Retained messages that are looked at for one client in one turn.
constexpr std::size_t k_retained_looks = 4096;

// Whether a client that was sent this may answer so.
bool answers(mqtt::packet_type type, const outgoing& sent) {
    if (type == mqtt::packet_type::pubcomp) return sent.at == place::released;
    return sent.qos == (type == mqtt::packet_type::puback ? 1 : 2);
}

// What was sent is sent to the end, whatever its time [MQTT-4.3.3-7]; a client that may hold its
// identifier for a QoS 2 message would take the next one with it for a repetition.
bool is_under_way(const outgoing& what) {
    return what.sent || (what.qos == 2 && what.dup);
}

} // namespace

void broker::pump(client& to) {
    session* held = find(to.who_);
    if (held == nullptr || !to.session_.opened()) return;
    count_output(*held);
    send_retained(*held);
    send_queue(*held);
    count_output(*held);
}

bool broker::has_output_room(const session& to) const {
    return to.connected->session_.has_output_room() &&
           (output_bytes_ < limits::k_delivery_bytes_all_max || to.output_bytes == 0);
}

// What was written since it was last looked at counts until the shell has taken and sent it.
void broker::count_output(session& of) {
    if (of.connected == nullptr) return;
    const std::size_t now = of.connected->session_.output().size();
    output_bytes_ += now - of.output_bytes;
    of.output_bytes = now;
}

void broker::send_queue(session& to) {
    std::uint64_t number = 0;
    while ((to.inflight < to.inflight_max || WHARF_MUTANT(inflight_bound_ignored)) &&
           has_output_room(to)) {
        outgoing* entry = to.queue.next(number);
        if (entry == nullptr) return;
        if (entry->at == place::ready) {
            if (!send(to, number, *entry)) finish(to, number);
            continue;
        }
        if (entry->at == place::released)
            to.connected->session_.send_pubrel(outbox::packet_id_of(number));
        ++to.inflight;
        to.queue.passed();
    }
}

// False: it cannot be sent, now or later.
bool broker::send(session& to, std::uint64_t number, outgoing& what) {
    // Of QoS 2 the client may hold the identifier already: it goes on to the end [MQTT-4.3.3-7].
    const bool goes_on = what.qos == 2 && what.dup;
    if (expired(*what.message) && !goes_on && !is_under_way(what)) {
        ++counters_.dropped_expired;
        return false;
    }
    if (!to.connected->shell_.may_receive(what.message->topic())) {
        ++counters_.dropped_not_allowed;
        if (goes_on) release(to, number, what); // its identifier is freed without it
        return goes_on;
    }
    mqtt::outgoing_publish packet;
    packet.qos = what.qos;
    packet.dup = what.dup && !WHARF_MUTANT(repeated_without_dup);
    packet.retain = what.retain;
    packet.packet_id = outbox::packet_id_of(number);
    if (!write(to, *what.message, packet, what.identifiers)) {
        if (goes_on) release(to, number, what);
        return goes_on;
    }
    what.at = place::sent;
    what.dup = what.sent = true;
    ++to.inflight;
    to.queue.passed();
    return true;
}

void broker::send_now(session& to, const message_ptr& message, const addressee& how) {
    if (!has_output_room(to)) {
        ++counters_.dropped_slow;
        return;
    }
    if (expired(*message)) {
        ++counters_.dropped_expired;
        return;
    }
    if (!to.connected->shell_.may_receive(message->topic())) {
        ++counters_.dropped_not_allowed;
        return;
    }
    mqtt::outgoing_publish packet;
    packet.retain = how.retain;
    (void)write(to, *message, packet, how.identifiers); // counted where it is too large
}

bool broker::write(session& to, const message& what, mqtt::outgoing_publish& packet,
                   const std::vector<std::uint32_t>& identifiers) {
    packet.topic = what.topic();
    packet.payload = what.payload();
    packet.payload_is_utf8 = what.payload_is_utf8;
    if (what.expires_at_us != 0)
        packet.message_expiry_s = static_cast<std::uint32_t>(
            std::max<std::int64_t>(0, (what.expires_at_us - journal_us() + 999'999) / 1'000'000));
    std::vector<mqtt::user_property> properties;
    if (const auto* more = what.more()) {
        packet.content_type = more->content_type;
        packet.response_topic = more->response_topic;
        if (more->correlation_data) packet.correlation_data = *more->correlation_data;
        for (const auto& [name, value] : more->user_properties)
            properties.push_back({name, value});
        packet.user_properties = properties;
    }
    packet.subscription_identifiers = identifiers;
    if (!to.connected->session_.send_publish(packet)) {
        ++counters_.dropped_too_large;
        return false;
    }
    ++counters_.delivered;
    count_output(to);
    return true;
}

// --- acknowledgements ----------------------------------------------------------------------------

void broker::acknowledged(client& by, mqtt::packet_type type, std::uint16_t packet_id,
                          mqtt::reason code) {
    using mqtt::packet_type;
    session* held = find(by.who_);
    const std::uint64_t number = held == nullptr ? 0 : held->queue.number_of(packet_id);
    outgoing* entry = number == 0 ? nullptr : held->queue.find(number);
    if (entry != nullptr &&
        (entry->at == place::reserved || (entry->at == place::ready && !entry->dup)))
        entry = nullptr; // the client was not sent that yet
    if (entry != nullptr && !answers(type, *entry))
        return by.session_.end(mqtt::reason::protocol_error,
                               std::string(mqtt::to_string(type)) +
                                   ": its identifier is that of a message with another QoS or in "
                                   "another state [MQTT-4.3.2-2, MQTT-4.3.3-2]");
    // Of a message that an earlier connection carried too.
    const bool awaited =
        entry != nullptr && (entry->at == place::sent || entry->at == place::ready);
    if (type != packet_type::pubrec) {
        if (entry != nullptr) finish(*held, number);
        return;
    }
    if (entry == nullptr) {
        // It gets its PUBREL, or the client would keep the identifier for ever.
        if (!mqtt::is_failure(code))
            by.session_.send_pubrel(packet_id, mqtt::reason::packet_identifier_not_found);
        return;
    }
    if (awaited && mqtt::is_failure(code)) return finish(*held, number);
    if (entry->at == place::released) return by.session_.send_pubrel(packet_id);
    if (!awaited) return;
    if (WHARF_MUTANT(queue_erased_at_pubrec)) {
        by.session_.send_pubrel(packet_id);
        return finish(*held, number);
    }
    release(*held, number, *entry);
}

// The client has the message, or cannot have it any more: what is left is to free its identifier.
void broker::release(session& of, std::uint64_t number, outgoing& what) {
    what.message = nullptr;
    queued_bytes_ -= of.queue.shrink(number);
    if (of.incarnation == 0) {
        what.at = place::released;
        if (of.queue.is_passed(number))
            of.connected->session_.send_pubrel(outbox::packet_id_of(number));
        return;
    }
    what.at = place::releasing;
    if (WHARF_MUTANT(pubrel_before_release))
        of.connected->session_.send_pubrel(outbox::packet_id_of(number));
    local_request request{next_token(), true, {release_queued{of.incarnation, number}}};
    releasing_[request.token] = {of.who, number};
    calls_.submit(std::move(request));
}

void broker::release_durable(const pending_release& done) {
    session* held = find(done.who);
    outgoing* entry = held == nullptr ? nullptr : held->queue.find(done.number);
    if (entry == nullptr || entry->at != place::releasing) return;
    entry->at = place::released;
    if (held->connected == nullptr || !held->queue.is_passed(done.number)) return;
    held->connected->session_.send_pubrel(outbox::packet_id_of(done.number));
    held->connected->shell_.wake();
}

// --- subscriptions -------------------------------------------------------------------------------

void broker::subscribe(client& by, const mqtt::subscribe_request& request) {
    pending_subscribe answer;
    answer.packet_id = request.packet_id;
    std::vector<local_op> ops;
    session* held = find(by.who_);
    WHARF_ASSERT(held != nullptr); // packets are read only while the session is open
    for (const mqtt::subscription& each : request.subscriptions)
        answer.codes.push_back(take_subscription(by, *held, each, request.identifier, answer, ops));
    submit_subscribe(by, std::move(answer), std::move(ops));
}

mqtt::reason broker::take_subscription(client& by, session& of, const mqtt::subscription& wanted,
                                       std::uint32_t identifier, pending_subscribe& answer,
                                       std::vector<local_op>& ops) {
    auto refuse = [&answer](mqtt::reason code, std::string_view why) {
        answer.why = why;
        return code;
    };
    if (wanted.filter.starts_with("$share/"))
        return refuse(mqtt::reason::shared_subscriptions_not_supported,
                      "shared subscriptions are not offered");
    if (wanted.filter.size() > limits::k_topic_bytes_max ||
        topic_levels(wanted.filter) > limits::k_topic_levels_max)
        return refuse(mqtt::reason::topic_filter_invalid, "Topic Filter: at most 1024 bytes and 16 "
                                                          "levels");
    if (!by.shell_.may_subscribe(wanted.filter))
        return refuse(mqtt::reason::not_authorized, "not within this client's rights");
    auto at = of.subscriptions.find(wanted.filter);
    const bool is_new = at == of.subscriptions.end();
    if (is_new && (of.subscriptions.size() >= limits::k_subscriptions_per_session_max ||
                   subscriptions_.count() >= limits::k_subscriptions_max))
        return refuse(mqtt::reason::quota_exceeded, "too many subscriptions");
    if (is_new) {
        at = of.subscriptions.emplace(std::string(wanted.filter), held_subscription{}).first;
        at->second.number = ++of.last_subscription;
    }
    at->second.how = {wanted.qos, wanted.no_local, wanted.retain_as_published, identifier};
    subscribe_session(of.who, at->first, at->second.how);
    if (of.incarnation != 0) {
        put_subscription op{of.incarnation, at->second.number, {}};
        op.content.set_filter(at->first);
        op.content.set_qos(wanted.qos);
        op.content.set_no_local(wanted.no_local);
        op.content.set_retain_as_published(wanted.retain_as_published);
        op.content.set_identifier(identifier);
        ops.emplace_back(std::move(op));
    }
    if (wanted.retain_handling == 0 || (wanted.retain_handling == 1 && is_new))
        answer.walks.push_back({at->first, at->second.how, {}, true});
    return static_cast<mqtt::reason>(wanted.qos);
}

// Rights may have shrunk while it was away: what it subscribed to is asked again at each return,
// and what was queued for it when it is sent.
void broker::review_subscriptions(client& by, session& of) {
    for (auto at = of.subscriptions.begin(); at != of.subscriptions.end();) {
        const std::string& filter = at->first;
        if (by.shell_.may_subscribe(filter)) {
            ++at;
            continue;
        }
        calls_.log(notice::warning, "client " + of.client_id + ": its subscription to " + filter +
                                        " ends, it is not within its rights any more");
        unsubscribe_session(of.who, filter);
        std::erase_if(of.walks, [&](const auto& walk) { return walk.filter == filter; });
        if (of.incarnation != 0) later(erase_subscription{of.incarnation, at->second.number});
        at = of.subscriptions.erase(at);
    }
}

void broker::unsubscribe(client& by, const mqtt::unsubscribe_request& request) {
    pending_subscribe answer;
    answer.packet_id = request.packet_id;
    answer.subscribes = false;
    std::vector<local_op> ops;
    session* held = find(by.who_);
    WHARF_ASSERT(held != nullptr);
    for (const std::string_view filter : request.filters) {
        const auto at = held->subscriptions.find(filter);
        if (at == held->subscriptions.end()) {
            answer.codes.push_back(mqtt::reason::no_subscription_existed);
            continue;
        }
        unsubscribe_session(held->who, filter);
        std::erase_if(held->walks, [&](const auto& walk) { return walk.filter == filter; });
        if (held->incarnation != 0)
            ops.emplace_back(erase_subscription{held->incarnation, at->second.number});
        held->subscriptions.erase(at);
        answer.codes.push_back(mqtt::reason::success);
    }
    submit_subscribe(by, std::move(answer), std::move(ops));
}

// The answer to a session that outlives its connection waits until that is durable. It also waits
// for what is to be retained and was routed before: its subscriber gets that as a retained message.
void broker::submit_subscribe(client& by, pending_subscribe answer, std::vector<local_op> ops) {
    answer.who = by.who_;
    answer.connection = by.id_;
    const bool awaits_retained = !answer.walks.empty() && retained_.is_underway();
    if (ops.empty() && !awaits_retained) return answer_subscribe(answer);
    const auto token = next_token();
    subscribing_.emplace(token, std::move(answer));
    calls_.submit(local_request{token, true, std::move(ops)});
}

void broker::answer_subscribe(pending_subscribe& done) {
    session* held = find(done.who);
    if (held == nullptr || held->connected == nullptr || held->connected->id_ != done.connection)
        return;
    client& to = *held->connected;
    if (done.subscribes)
        to.session_.on_subscribed(done.packet_id, done.codes, done.why);
    else
        to.session_.on_unsubscribed(done.packet_id, done.codes);
    // The session may have ended with that.
    held = find(done.who);
    if (held == nullptr || held->connected != &to) return;
    for (retained_walk& walk : done.walks) {
        std::erase_if(held->walks, [&](const auto& other) { return other.filter == walk.filter; });
        // It may have been given up again meanwhile.
        if (held->subscriptions.contains(walk.filter)) held->walks.push_back(std::move(walk));
    }
    to.shell_.wake();
}

void broker::send_retained(session& to) {
    local_request request;
    routed underway;
    std::size_t budget = k_retained_looks;
    while (!to.walks.empty() && to.queue.waiting() < k_retained_ahead && has_output_room(to)) {
        retained_walk& walk = to.walks.front();
        const message_ptr* found =
            retained_.next(walk.filter, walk.after, walk.from_begin, journal_us(), budget);
        if (found == nullptr && budget == 0) {
            to.connected->shell_.wake(); // others have their turn first
            break;
        }
        if (found == nullptr) {
            to.walks.pop_front();
            continue;
        }
        const message_ptr message = *found;
        const auto qos = std::min(walk.how.qos, message->qos());
        // Until some of what waits is acknowledged. Where nothing does there never will be more
        // room: it is passed over, and counted, or it would hold back all that follow.
        if (qos > 0 && !has_room(to, *message) && to.queue.count() > 0) break;
        walk.after = message->topic();
        walk.from_begin = false;
        addressee whom{to.who, 0, qos, true, {}};
        if (walk.how.identifier != 0) whom.identifiers.push_back(walk.how.identifier);
        if (whom.qos == 0) {
            send_now(to, message, whom);
        } else if (to.incarnation == 0) {
            enqueue(to, message, whom, place::ready);
        } else if ((whom.number = enqueue(to, message, whom, place::reserved)) != 0) {
            request.ops.emplace_back(queue_message{
                to.incarnation, whom.number, whom.qos, true, whom.identifiers,
                std::make_shared<const std::string>(make_record(*message).SerializeAsString())});
            underway.to.push_back(std::move(whom));
        }
    }
    if (request.ops.empty()) return;
    request.token = next_token();
    request.urgent = true;
    routed_[request.token] = std::move(underway);
    calls_.submit(std::move(request));
}

} // namespace wharf::broker
