// Sessions: their beginning, their connections and their end.
#include "gateway/broker/broker.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/base/mutant.hpp"
#include "gateway/broker/client.hpp"
#include "gateway/broker/message.hpp"

#include <algorithm>

namespace wharf::broker {

namespace {
constexpr std::int64_t k_retained_sweep_us = 10'000'000;
constexpr std::size_t k_wills_share = 4; // of what may wait in queues
} // namespace

broker::broker(broker_options options, const intake& prepare, broker_calls calls)
    : options_(std::move(options)), intake_(prepare), calls_(std::move(calls)),
      retained_(options_.retained) {}

broker::~broker() = default;

status broker::restore(local_state from, std::int64_t journal_offset_us) {
    WHARF_ASSERT(sessions_.empty());
    journal_offset_us_ = journal_offset_us;
    for (local_session& each : from.sessions) {
        session& made = make_session(each.client_id, each.incarnation);
        for (auto& [number, record] : each.subscriptions) {
            held_subscription& held = made.subscriptions[record.filter()];
            held.number = number;
            held.how = {static_cast<std::uint8_t>(record.qos()), record.no_local(),
                        record.retain_as_published(), record.identifier()};
            made.last_subscription = std::max(made.last_subscription, number);
            subscribe_session(made.who, record.filter(), held.how);
        }
        for (auto& [number, record] : each.queue) {
            if (WHARF_MUTANT(queue_not_restored)) break;
            outgoing entry;
            entry.qos = record.released() ? 2 : static_cast<std::uint8_t>(record.qos());
            entry.retain = record.retain();
            entry.dup = true; // it is not known whether it was sent
            entry.at = record.released() ? place::released : place::ready;
            entry.identifiers.assign(record.identifiers().begin(), record.identifiers().end());
            if (!record.released()) {
                WHARF_TRY_ASSIGN(entry.message, parse_message(record.message(), each.client_id));
                entry.bytes = static_cast<std::uint32_t>(entry.message->size());
            }
            queued_bytes_ += entry.bytes + outbox::k_entry_bytes;
            made.queue.restore(number, std::move(entry));
        }
    }
    for (auto& [number, message] : from.retained)
        if (const auto older = retained_.restore(number, make_message(message)); older != 0)
            later(erase_retained{older});
    for (auto& [number, record] : from.wills) {
        will left{number, std::move(*record.mutable_message()), record.delay_s()};
        session* of = find(record.client_id());
        if (of == nullptr) { // it ended with the run that is over
            wills_left_.emplace_back(record.client_id(), std::move(left));
            continue;
        }
        // The end of an earlier one was lost with the power.
        if (of->last_will) wills_left_.emplace_back(record.client_id(), take_will(*of));
        wills_due_[of->who] = now_.monotonic_us + std::int64_t{left.delay_s} * 1'000'000;
        set_will(*of, std::move(left));
    }
    return ok();
}

broker::session* broker::find(session_number who) {
    const auto found = sessions_.find(who);
    return found == sessions_.end() ? nullptr : found->second.get();
}

broker::session* broker::find(const std::string& client_id) {
    const auto found = by_client_id_.find(client_id);
    return found == by_client_id_.end() ? nullptr : find(found->second);
}

broker::session& broker::make_session(const std::string& client_id, std::uint64_t incarnation) {
    do
        ++last_session_;
    while (last_session_ == 0 || sessions_.contains(last_session_));
    auto& made = sessions_[last_session_];
    made = std::make_unique<session>();
    made->who = last_session_;
    made->client_id = client_id;
    made->incarnation = incarnation;
    made->inflight_max = options_.inflight_max;
    by_client_id_[client_id] = made->who;
    if (incarnation != 0) by_incarnation_[incarnation] = made->who;
    return *made;
}

// What the journal holds of it goes with its end there.
void broker::drop_session(session& which) {
    settle_will(which, false);
    detach(which);
    for (const auto& [filter, held] : which.subscriptions)
        unsubscribe_session(which.who, filter);
    queued_bytes_ -= which.queue.bytes();
    by_incarnation_.erase(which.incarnation);
    if (const auto named = by_client_id_.find(which.client_id);
        named != by_client_id_.end() && named->second == which.who)
        by_client_id_.erase(named);
    sessions_.erase(which.who);
}

void broker::detach(session& from) {
    if (from.connected != nullptr) from.connected->who_ = 0;
    from.connected = nullptr;
    from.inflight = 0;
    output_bytes_ -= std::exchange(from.output_bytes, 0);
}

// Who asks for receipts names them: a subscription to everything does not.
void broker::subscribe_session(session_number who, const std::string& filter,
                               const subscription_options& how) {
    ++subscriptions_revision_;
    subscriptions_.set(who, filter, how);
    if (filter.ends_with("/receipts")) receipts_.set(who, filter, how);
}

void broker::unsubscribe_session(session_number who, std::string_view filter) {
    ++subscriptions_revision_;
    subscriptions_.erase(who, filter);
    receipts_.erase(who, filter);
}

// MQTT 5 section 3.1.4: a second connection under a client id ends the first; but never another
// identity's.
void broker::open(client& by) {
    // Before a connection that may be there is ended for it.
    if (!has_room_for_will(by.wanted_)) {
        by.session_.on_refused(mqtt::reason::quota_exceeded, "there is no room for its will");
        return by.shell_.wake();
    }
    auto [at, fresh] = connected_.try_emplace(by.client_id_, &by);
    if (!fresh && at->second != &by) {
        client* before = at->second;
        // One that is not open yet has no claim: the journal may still refuse it.
        const auto owner = by.shell_.owner();
        const auto holder = before->shell_.owner();
        if (owner && holder && !holder->empty() && *owner != *holder && before->session_.opened())
            return refuse_anothers(by);
        at->second = &by;
        calls_.log(notice::info,
                   "client " + by.client_id_ + " connected again; its earlier connection ends");
        if (session* held = find(before->who_)) detach(*held);
        before->session_.end(mqtt::reason::session_taken_over);
        before->shell_.wake();
    }
    submit_open(by, false);
}

bool broker::has_room_for_will(const session_open_request& wanted) const {
    return !wanted.will ||
           wills_bytes_ + wanted.will->ByteSizeLong() <= options_.queues_bytes_max / k_wills_share;
}

void broker::submit_open(client& by, bool displace) {
    session_open_request wanted = by.wanted_;
    wanted.owner = by.shell_.owner();
    wanted.displace = displace;
    wanted.clean_start = wanted.clean_start || displace;
    opening_[wanted.token] = {&by, by.client_id_, wanted.expiry_s, wanted.owner};
    calls_.submit(std::move(wanted));
}

void broker::refuse_anothers(client& by) {
    by.shell_.session_is_anothers();
    by.session_.on_refused(mqtt::reason::not_authorized,
                           mqtt::to_string(mqtt::reason::not_authorized));
    by.shell_.wake();
}

broker::session* broker::adopt(const pending_open& asked, const session_opened& answer,
                               bool attached) {
    session* held = find(asked.client_id);
    const bool goes_on =
        answer.session_present && held != nullptr && held->incarnation == answer.incarnation;
    if (held != nullptr && !goes_on) {
        drop_session(*held);
        held = nullptr;
    }
    if (held != nullptr) settle_will(*held, true);
    if (!attached && answer.will != 0) later(erase_will{answer.will});
    if (held == nullptr && (attached || answer.incarnation != 0))
        held = &make_session(asked.client_id, answer.incarnation);
    if (held != nullptr) {
        held->generation = answer.generation;
        held->expiry_s = asked.expiry_s;
        held->owner = asked.owner;
    }
    return held;
}

// A connection that ended while it was being opened left the session to the one after it, and that
// one was refused: nobody else will say that the session has no connection.
void broker::close_abandoned(const std::string& client_id) {
    session* held = find(client_id);
    if (held == nullptr || held->connected != nullptr || held->generation == 0) return;
    // The journal passes it over where it was said before.
    calls_.submit(session_close_request{client_id, held->generation, held->expiry_s, held->owner});
    if (held->expiry_s == 0) drop_session(*held);
}

void broker::opened(client& by, const session_opened& answer) {
    if (!answer.anothers.empty()) {
        // What an identity left behind that is no more holds nobody up.
        if (!by.session_.closed() && !by.shell_.knows_owner(answer.anothers))
            return submit_open(by, true);
        if (const auto at = connected_.find(by.client_id_);
            at != connected_.end() && at->second == &by)
            close_abandoned(by.client_id_);
        return refuse_anothers(by);
    }
    by.generation_ = answer.generation;
    by.session_present_ = answer.session_present;
    if (answer.refused) {
        // The connection that it took over is gone, and a session that was journaled is not
        // refused.
        if (session* held = find(by.client_id_)) drop_session(*held);
        by.session_.on_refused(mqtt::reason::quota_exceeded, "too many sessions are kept already");
        return by.shell_.wake();
    }
    // The connection may be gone by now, or another one may have taken its place.
    const bool attached = !by.session_.closed();
    session* held =
        adopt({&by, by.client_id_, by.wanted_.expiry_s, by.shell_.owner()}, answer, attached);
    if (attached) {
        review_subscriptions(by, *held);
        held->connected = &by;
        by.who_ = held->who;
        held->inflight_max = by.version_ == mqtt::k_version_5
                                 ? std::min(by.receive_maximum_, limits::k_inflight_max)
                                 : options_.inflight_max;
        held->queue.restart();
        if (by.wanted_.will && answer.will != 0)
            set_will(*held, {answer.will, std::move(*by.wanted_.will->mutable_message()),
                             by.wanted_.will->delay_s()});
    }
    by.wanted_ = {};
    by.session_.on_opened(answer.session_present, answer.qos2_packet_ids);
    by.shell_.wake();
}

// Its connection was gone before the answer came: the session ends its connection at once, unless
// another client has asked for it meanwhile.
void broker::opened_for_nobody(const session_opened& answer) {
    const auto found = opening_.find(answer.token);
    const pending_open asked = std::move(found->second);
    opening_.erase(found);
    if (!answer.anothers.empty() && !connected_.contains(asked.client_id))
        close_abandoned(asked.client_id);
    if (answer.refused || !answer.anothers.empty()) return;
    session* held = adopt(asked, answer, false);
    if (connected_.contains(asked.client_id)) return;
    calls_.submit(
        session_close_request{asked.client_id, answer.generation, asked.expiry_s, asked.owner});
    if (held != nullptr && asked.expiry_s == 0) drop_session(*held);
}

void broker::closed(client& by, const mqtt::session_end& end) {
    calls_.submit(session_close_request{by.client_id_, by.generation_, end.session_expiry_s,
                                        by.shell_.owner()});
    session* held = find(by.who_);
    if (held == nullptr) return;
    detach(*held);
    const bool ends = end.session_expiry_s == 0 || held->incarnation == 0;
    if (held->last_will) {
        will& last = *held->last_will;
        last.delay_s = std::min(last.delay_s, end.session_expiry_s);
        if (!end.publish_will && !WHARF_MUTANT(will_in_spite_of_goodbye))
            forget_will(*held);
        else if (last.delay_s == 0)
            publish_will(*held);
        else
            wills_due_[held->who] = now_.monotonic_us + std::int64_t{last.delay_s} * 1'000'000;
    }
    if (ends) drop_session(*held);
}

void broker::retired(client& by) {
    if (const auto at = connected_.find(by.client_id_); at != connected_.end() && at->second == &by)
        connected_.erase(at);
    if (const auto asked = opening_.find(by.token_of(0));
        asked != opening_.end() && asked->second.by == &by)
        asked->second.by = nullptr;
    if (session* held = find(by.who_)) detach(*held);
}

// --- time ----------------------------------------------------------------------------------------

void broker::on_tick() {
    for (const auto& [client_id, left] : std::exchange(wills_left_, {})) {
        const session* now = find(client_id); // its client may be there again
        publish_as_gateway(left, client_id, now == nullptr ? 0 : now->who);
    }
    std::vector<session_number> due;
    for (const auto& [who, at_us] : wills_due_)
        if (at_us <= now_.monotonic_us) due.push_back(who);
    for (const session_number who : due)
        publish_will(*find(who));
    if (now_.monotonic_us - retained_swept_us_ >= k_retained_sweep_us) {
        retained_swept_us_ = now_.monotonic_us;
        retained_.expire(journal_us(),
                         [this](std::uint64_t number) { later(erase_retained{number}); });
    }
    flush();
}

void broker::later(local_op op) {
    later_.push_back(std::move(op));
    if (later_.size() >= limits::k_local_ops_max) flush();
}

void broker::flush() {
    if (later_.empty()) return;
    calls_.submit(local_request{next_token(), false, std::exchange(later_, {})});
}

std::uint64_t broker::next_token() {
    constexpr std::uint64_t mask = (std::uint64_t{1} << client::k_token_bits) - 1;
    return (client::k_broker_id << client::k_token_bits) | (++last_token_ & mask);
}

// --- answers -------------------------------------------------------------------------------------

bool broker::on_answer(const journal_answer& answer) {
    if (const auto* done = std::get_if<ingest_done>(&answer)) {
        if (!routed_.empty()) committed(done->token, done->receipts);
        return client::id_of(done->token) == client::k_broker_id;
    }
    if (const auto* lost = std::get_if<ingest_dropped>(&answer)) {
        dropped(lost->token);
        return true;
    }
    if (const auto* local = std::get_if<local_done>(&answer)) {
        on_durable(local->token);
        return true;
    }
    if (const auto* opened = std::get_if<session_opened>(&answer)) {
        const auto asked = opening_.find(opened->token);
        if (asked == opening_.end()) return false;
        if (asked->second.by == nullptr) {
            opened_for_nobody(*opened);
            return true;
        }
        opening_.erase(asked);
        return false;
    }
    if (const auto* over = std::get_if<session_expired>(&answer)) {
        const auto found = by_incarnation_.find(over->incarnation);
        if (found != by_incarnation_.end()) drop_session(*find(found->second));
        return true;
    }
    return false;
}

void broker::on_durable(std::uint64_t token) {
    if (const auto waiting = subscribing_.find(token); waiting != subscribing_.end()) {
        pending_subscribe done = std::move(waiting->second);
        subscribing_.erase(waiting);
        return answer_subscribe(done);
    }
    if (const auto waiting = releasing_.find(token); waiting != releasing_.end()) {
        const pending_release done = waiting->second;
        releasing_.erase(waiting);
        return release_durable(done);
    }
    committed(token, {});
}

} // namespace wharf::broker
