// What is published: who is to get it, what of that is journaled with it, and what happens once
// that is durable.
#include "gateway/base/mutant.hpp"
#include "gateway/base/topic_filter.hpp"
#include "gateway/broker/broker.hpp"
#include "gateway/broker/client.hpp"
#include "gateway/broker/message.hpp"
#include "gateway/broker/receipt.hpp"

#include <algorithm>

namespace wharf::broker {

namespace {
constexpr std::size_t k_own_share = 256; // of all queues' bytes, for a client that is connected
}

void broker::published(client& by, const mqtt::publish_request& request) {
    publish_view view;
    view.topic = request.topic;
    view.payload = request.payload;
    view.client_id = by.client_id_;
    view.qos = request.qos;
    view.packet_id = request.packet_id;
    view.dup = request.dup;
    view.persistent_session = by.persistent_;
    view.resumed_session = by.session_present_;
    view.content_type = request.content_type;
    std::vector<user_property> properties;
    for (const auto& one : request.user_properties)
        properties.push_back({one.name, one.value});
    view.user_properties = properties;
    ingest_request ingest{
        by.token_of(request.token),
        intake_.prepare(view, now_.wall_us, now_.wall_synchronised, calls_.take_spent())};
    ingest.message.generation = by.generation_;
    by.published_at_us_.push_back(now_.monotonic_us);
    if (concerns(request.topic, by.who_, request.retain))
        route(make_message(request, journal_us()), ingest.token, ingest.message.local);
    if (!ingest.message.items.empty()) ask_receipts(by, request, ingest);
    calls_.submit(std::move(ingest));
}

// Afterwards matches_ has those who subscribed to it. False: it is nothing to anybody.
bool broker::concerns(std::string_view topic, session_number from, bool retain) {
    matches_.clear();
    if (!subscriptions_.empty()) subscriptions_.find(topic, from, matches_);
    return retain || !matches_.empty();
}

// REQUIRES: concerns() was asked.
broker::routed& broker::route(const message_ptr& message, std::uint64_t token,
                              std::vector<local_op>& ops) {
    routed& out = routed_[token];
    out.message = message;
    std::shared_ptr<const std::string> bytes; // made when something has to be journaled
    if (message->retain()) retain(message, out, ops, bytes);
    for (match& each : matches_) {
        session* to = find(each.who);
        if (to == nullptr) continue;
        addressee whom{each.who, 0, std::min(each.qos, message->qos()),
                       message->retain() && each.retain_as_published, std::move(each.identifiers)};
        if (whom.qos > 0 && to->incarnation != 0) {
            const bool early = WHARF_MUTANT(delivered_at_routing);
            whom.number = enqueue(*to, message, whom, early ? place::ready : place::reserved);
            if (whom.number == 0) continue;
            if (early && to->connected != nullptr) to->connected->shell_.wake();
            if (!bytes)
                bytes =
                    std::make_shared<const std::string>(make_record(*message).SerializeAsString());
            ops.emplace_back(queue_message{to->incarnation, whom.number, whom.qos, whom.retain,
                                           whom.identifiers, bytes});
        }
        out.to.push_back(std::move(whom));
    }
    return out;
}

void broker::retain(const message_ptr& message, routed& out, std::vector<local_op>& ops,
                    std::shared_ptr<const std::string>& bytes) {
    const bool takes_away = message->payload().empty();
    if (takes_away && !retained_.knows(message->topic())) return;
    const auto number = retained_.begin(message->topic(), takes_away ? 0 : message->size());
    if (!number) {
        if (counters_.retained_refused++ % 1000 == 0)
            calls_.log(notice::warning, "topic " + std::string(message->topic()) +
                                            ": not retained, there is no room for more");
        return;
    }
    out.retains = true;
    if (takes_away) {
        ops.emplace_back(erase_retained{*number});
        return;
    }
    if (!bytes)
        bytes = std::make_shared<const std::string>(make_record(*message).SerializeAsString());
    ops.emplace_back(put_retained{*number, bytes});
}

void broker::committed(std::uint64_t token, const std::vector<event_receipt>& receipts) {
    const auto found = routed_.find(token);
    if (found == routed_.end()) return;
    const routed done = std::move(found->second);
    routed_.erase(found);
    if (done.retains)
        retained_.set(done.message->topic(),
                      done.message->payload().empty() ? nullptr : done.message);
    for (const addressee& each : done.to)
        hand_out(done.message, each);
    if (receipts.empty()) return;
    for (const receipt_to& each : done.receipts)
        send_receipts(done.message, each, receipts);
}

// Nothing of it was taken.
void broker::dropped(std::uint64_t token) {
    const auto found = routed_.find(token);
    if (found == routed_.end()) return;
    const routed lost = std::move(found->second);
    routed_.erase(found);
    if (lost.retains) retained_.abandon(lost.message->topic());
    for (const addressee& each : lost.to) {
        session* to = each.number == 0 ? nullptr : find(each.who);
        if (to != nullptr) finish(*to, each.number);
    }
}

void broker::hand_out(const message_ptr& message, const addressee& to) {
    session* whom = find(to.who);
    if (whom == nullptr) return;
    if (to.qos == 0) {
        if (whom->connected != nullptr) send_now(*whom, message, to);
    } else if (to.number != 0) {
        if (outgoing* waiting = whom->queue.find(to.number)) waiting->at = place::ready;
    } else {
        enqueue(*whom, message, to, place::ready);
    }
    if (whom->connected != nullptr) whom->connected->shell_.wake();
}

bool broker::has_room(const session& in, const message& for_it) const {
    const std::size_t bytes = for_it.size();
    if (!in.queue.has_room(bytes, options_.queue_messages_max)) return false;
    const std::size_t counted = bytes + outbox::k_entry_bytes;
    // Those who are away must not take it all: who is here always has a share.
    const bool is_share = in.connected != nullptr &&
                          in.queue.bytes() + counted <= options_.queues_bytes_max / k_own_share;
    return is_share || queued_bytes_ + counted <= options_.queues_bytes_max;
}

std::uint64_t broker::enqueue(session& in, const message_ptr& message, const addressee& how,
                              place at) {
    if (!has_room(in, *message)) {
        // The newest goes: what was taken before stands.
        if (counters_.dropped_queue++ % 1000 == 0)
            calls_.log(notice::warning,
                       "client " + in.client_id +
                           ": its queue is full, messages are not queued for it (" +
                           std::to_string(counters_.dropped_queue) + " for all clients so far)");
        return 0;
    }
    outgoing entry;
    entry.message = message;
    entry.identifiers = how.identifiers;
    entry.bytes = static_cast<std::uint32_t>(message->size() +
                                             how.identifiers.size() * sizeof(std::uint32_t));
    entry.qos = how.qos;
    entry.retain = how.retain;
    entry.at = at;
    queued_bytes_ += entry.bytes + outbox::k_entry_bytes;
    return in.queue.add(std::move(entry));
}

void broker::finish(session& in, std::uint64_t number) {
    const outgoing* entry = in.queue.find(number);
    if (entry == nullptr) return;
    if (in.connected != nullptr && in.queue.is_passed(number)) --in.inflight;
    if (in.incarnation != 0 && entry->at != place::reserved)
        later(erase_queued{in.incarnation, number});
    queued_bytes_ -= entry->bytes;
    in.queue.finish(number);
}

// A message of the gateway's own: no event, and nobody waits for it.
void broker::publish_local(const message_ptr& message) {
    if (!concerns(message->topic(), 0, message->retain())) return;
    local_request request{next_token(), true, {}};
    route(message, request.token, request.ops);
    if (request.ops.empty()) return committed(request.token, {});
    calls_.submit(std::move(request));
}

// --- receipts ------------------------------------------------------------------------------------

// MQTT 5: by a Response Topic. Otherwise by somebody's subscription to the device's receipts.
void broker::ask_receipts(client& by, const mqtt::publish_request& request,
                          ingest_request& ingest) {
    std::vector<receipt_to> wanted;
    if (!request.response_topic.empty() && by.shell_.may_subscribe(request.response_topic)) {
        auto& to = wanted.emplace_back();
        to.topic = request.response_topic;
        if (request.correlation_data) to.correlation_data = std::string(*request.correlation_data);
    }
    const prepared_message& prepared = ingest.message;
    if (!receipts_.empty() && !prepared.device.empty()) {
        auto topic = receipts_topic(prepared.site, prepared.device);
        if (by.receipts_revision_ != subscriptions_revision_ || by.receipts_topic_ != topic) {
            matches_.clear();
            receipts_.find(topic, 0, matches_);
            by.receipts_wanted_ = !matches_.empty();
            by.receipts_revision_ = subscriptions_revision_;
            by.receipts_topic_ = topic;
        }
        if (by.receipts_wanted_) wanted.push_back({std::move(topic), std::nullopt});
    }
    if (wanted.empty()) return;
    ingest.message.wants_receipt = true;
    routed& out = routed_[ingest.token];
    if (!out.message) out.message = make_message(request, journal_us());
    out.receipts = std::move(wanted);
}

void broker::send_receipts(const message_ptr& of, const receipt_to& to,
                           const std::vector<event_receipt>& receipts) {
    auto receipt =
        std::make_shared<message>(to.topic, receipt_json(of->topic(), receipts), 1, false);
    receipt->payload_is_utf8 = true;
    receipt->set({"application/json", {}, to.correlation_data, {}});
    ++counters_.receipts;
    publish_local(receipt);
}

} // namespace wharf::broker
