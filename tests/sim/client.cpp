#include "tests/sim/client.hpp"

#include "tests/sim/will_book.hpp"

#include <algorithm>

namespace wharf::sim {

sim_client::sim_client(world& in, const plan& with, harbour& at, std::size_t number,
                       std::vector<message>& messages, std::uint64_t& link_ids)
    : world_(in), plan_(with), harbour_(at), messages_(messages), link_ids_(link_ids),
      random_(in.random(50).split(number)), name_("c" + std::to_string(number)) {
    const auto& c = with.clients;
    version_ = random_.chance(c.version_5) ? 5 : 4;
    persistent_ = random_.chance(c.persistent);
    sleepy_ = random_.chance(c.sleepy);
    aliases_ = version_ == 5 && random_.chance(5000);
    expiry_s_ = !persistent_    ? 0
                : version_ == 4 ? 7 * 24 * 3600
                : random_.chance(c.short_expiry)
                    ? static_cast<std::uint32_t>(random_.between(2, 60))
                    : 24 * 3600;
    if (random_.chance(3000)) release_after_us_ = random_.between(1, 3 * k_second);
    keep_alive_s_ = static_cast<std::uint16_t>(random_.between(5, 60));
    window_ = static_cast<std::size_t>(random_.between(1, static_cast<int>(c.in_flight_max)));
    // Few ids, so that they are used again soon.
    packet_ids_ = random_.chance(5000) ? static_cast<std::uint16_t>(window_ + 2) : 65535;
    session_.emplace(in, at, who(), expiry_s_);
}

void sim_client::produce(std::size_t which) {
    outbox_.push_back(which);
    if (state_ == state::online) return pump();
    connect_later();
}

void sim_client::connect_later() {
    if (waiting_to_connect_ || state_ != state::offline) return;
    waiting_to_connect_ = true;
    const auto wait = random_.between(1, 100 * k_ms) << std::min(failures_, 6U);
    world_.after(wait, [this] {
        waiting_to_connect_ = false;
        if (state_ == state::offline && (!leaving_ || !done())) connect();
    });
}

void sim_client::connect() {
    state_ = state::connecting;
    asked_ = false;
    ++connection_;
    link_ = std::make_shared<link>(world_, plan_.net, random_, ++link_ids_, this);
    session_->connecting(heard_us_);
    waiting_us_ = world_.now_us();
    world_.after(2 * link_->latency_us(), [this, on = link_] {
        if (on == link_) open(on);
    });
    watch(connection_);
}

void sim_client::open(const std::shared_ptr<link>& on) {
    const auto door = harbour_.knock();
    if (door == harbour::door::nobody) return; // until its patience ends
    if (door == harbour::door::closed) {
        world_.fired(fault::connection_refused);
        return ended(*on);
    }
    harbour_.accept(on);
    // A device that was reset asks for a new session now and then.
    clean_start_ = !persistent_ || (!healed_ && random_.chance(plan_.clients.clean_start));
    session_->asked(clean_start_);
    asked_ = true;
    wire::connect packet{version_, name_, clean_start_, expiry_s_, keep_alive_s_};
    will_ = harbour_.leave_will(name_, version_, expiry_s_);
    if (will_ != 0) {
        const auto& will = harbour_.wills().at(will_);
        packet.will = {will.topic, will.payload, will.qos, will.retain, will.delay_s};
    }
    send(wire::encode(packet));
}

// Gives up when it waits for too long; keeps the connection alive.
void sim_client::watch(std::uint64_t connection) {
    world_.after(std::min<std::int64_t>(plan_.clients.patience_us / 3, 2 * k_second),
                 [this, connection] {
                     if (connection != connection_ || state_ == state::offline) return;
                     const auto now = world_.now_us();
                     const bool waits = state_ == state::connecting || !flights_.empty();
                     if (waits && now - waiting_us_ > plan_.clients.patience_us) {
                         world_.fired(fault::client_gave_up_waiting);
                         link_->close(link::client);
                         return ended(*link_);
                     }
                     if (state_ == state::online && now - sent_us_ > keep_alive_s_ * k_second / 2) {
                         if (now - heard_us_ > 2 * keep_alive_s_ * k_second) {
                             world_.fired(fault::client_gave_up_waiting);
                             link_->close(link::client);
                             return ended(*link_);
                         }
                         send(wire::pingreq());
                     }
                     watch(connection);
                 });
}

void sim_client::ended(link& on) {
    if (link_.get() != &on) return;
    on.vanish(link::client);
    link_.reset();
    if (state_ != state::online) ++failures_;
    harbour_.wills().lost(std::exchange(will_, 0));
    if (state_ == state::connecting && asked_) session_->unanswered();
    state_ = state::offline;
    input_.clear();
    owed_.clear();
    aliased_.clear();
    for (auto& one : flights_)
        one.sent = false;
    if (!done()) connect_later();
}

void sim_client::cut() {
    if (!link_ || link_->silent()) return;
    world_.fired(fault::connection_reset);
    link_->reset();
}

// It walks out of reach and comes back on another connection.
void sim_client::fall_silent() {
    if (!link_ || link_->silent()) return;
    world_.fired(fault::connection_half_open);
    link_->fall_silent();
    if (random_.chance(6000)) ended(*link_);
}

void sim_client::leave_when_done() {
    leaving_ = true;
    if (done() && state_ == state::online) leave();
}

void sim_client::leave() {
    if (!link_->silent()) session_->left();
    harbour_.wills().left(std::exchange(will_, 0), harbour_, link_->silent());
    send(wire::disconnect(version_));
    link_->close(link::client);
    auto on = link_;
    state_ = state::offline;
    ended(*on);
}

void sim_client::arrived(link& on, std::string_view bytes) {
    if (link_.get() != &on) return;
    if (state_ == state::online) heard_us_ = world_.now_us();
    input_ += bytes;
    while (link_.get() == &on) {
        const auto answer = wire::take(input_, version_);
        if (!answer) return;
        on_answer(*answer);
    }
}

void sim_client::on_answer(const wire::answer& answer) {
    switch (answer.what) {
    case wire::kind::connack:
        return on_connack(answer);
    case wire::kind::puback:
    case wire::kind::pubrec:
        return on_received(answer);
    case wire::kind::pubcomp: {
        const auto at = std::ranges::find(flights_, answer.packet_id, &flight::packet_id);
        if (at == flights_.end()) return; // of an identifier that it did not remember
        if (!at->received) violated("packet ids", who() + ": PUBCOMP before its PUBREC");
        flights_.erase(at);
        waiting_us_ = world_.now_us();
        return pump();
    }
    default:
        return;
    }
}

void sim_client::on_connack(const wire::answer& answer) {
    if (state_ != state::connecting) violated("connack", who() + ": a second CONNACK");
    if (answer.reason != 0) { // it is stopping, or another connection took over
        link_->close(link::client);
        return ended(*link_);
    }
    // In 3.1.1 a clean session ends with its connection.
    const bool may_be_new = session_->may_be_new();
    session_->answered(answer.session_present, persistent_ && !(version_ == 4 && clean_start_));
    harbour_.wills().kept(will_);
    state_ = state::online;
    heard_us_ = world_.now_us(); // a refusal keeps no session
    failures_ = 0;
    waiting_us_ = world_.now_us();
    allowed_ = version_ == 5 ? answer.receive_maximum : 65535;
    for (std::size_t i = 0; i < flights_.size();) {
        auto& one = flights_[i];
        if (answer.session_present) {
            if (one.received)
                send(wire::pubrel(one.packet_id));
            else
                send_again(one, may_be_new);
        } else if (one.received) {
            flights_.erase(flights_.begin() + static_cast<std::ptrdiff_t>(i));
            continue; // the server has the message and forgot the rest
        } else {
            auto& what = messages_[one.which];
            what.sent_anew = true;
            ++what.times_anew;
            send(one, false);
        }
        ++i;
    }
    pump();
}

// In the order of the PUBLISHes, MQTT 5 section 4.6.
void sim_client::check_order(const wire::answer& answer) {
    const char* name = answer.what == wire::kind::puback ? "PUBACK " : "PUBREC ";
    if (answer.reason >= 0x80)
        violated("acknowledgement", who() + ": " + name + std::to_string(answer.packet_id) +
                                        " refuses with " + std::to_string(answer.reason));
    if (owed_.empty() || owed_.front() != answer.packet_id)
        violated("acknowledgement order",
                 who() + ": " + name + std::to_string(answer.packet_id) + ", due is " +
                     (owed_.empty() ? std::string("nothing") : std::to_string(owed_.front())));
    owed_.pop_front();
}

void sim_client::on_received(const wire::answer& answer) {
    check_order(answer);
    const auto at = std::ranges::find(flights_, answer.packet_id, &flight::packet_id);
    if (at == flights_.end())
        violated("acknowledgement", who() + ": of packet id " + std::to_string(answer.packet_id) +
                                        ", which is not in flight");
    messages_[at->which].acknowledged = true;
    waiting_us_ = world_.now_us();
    if (answer.what == wire::kind::puback) {
        flights_.erase(at);
        return pump();
    }
    at->received = true;
    if (release_after_us_ == 0) return send(wire::pubrel(at->packet_id));
    world_.after(random_.between(0, release_after_us_),
                 [this, id = at->packet_id, which = at->which, connection = connection_] {
                     if (connection != connection_ || state_ != state::online) return;
                     const auto still = std::ranges::find(flights_, id, &flight::packet_id);
                     if (still != flights_.end() && still->which == which) send(wire::pubrel(id));
                 });
}

void sim_client::pump() {
    while (state_ == state::online && !outbox_.empty()) {
        const auto which = outbox_.front();
        auto& what = messages_[which];
        if (what.qos == 0) {
            outbox_.pop_front();
            flight passing{0, which};
            send(passing, false);
            continue;
        }
        if (flights_.size() >= std::min(window_, allowed_)) return;
        outbox_.pop_front();
        if (flights_.empty()) waiting_us_ = world_.now_us();
        flights_.push_back({free_packet_id(), which});
        send(flights_.back(), false);
    }
    if (state_ == state::online && done() && (leaving_ || sleepy_)) leave();
}

std::uint16_t sim_client::free_packet_id() {
    do
        last_packet_id_ = static_cast<std::uint16_t>(last_packet_id_ % packet_ids_ + 1);
    while (std::ranges::find(flights_, last_packet_id_, &flight::packet_id) != flights_.end());
    return last_packet_id_;
}

// In a session that may know nothing of it.
void sim_client::send_again(flight& one, bool may_be_new) {
    auto& what = messages_[one.which];
    if (may_be_new) {
        what.sent_anew = true;
        ++what.times_anew;
    }
    send(one, true);
}

void sim_client::send(flight& one, bool dup) {
    auto& what = messages_[one.which];
    if (dup) world_.fired(fault::publish_repeated);
    what.sent = one.sent = true;
    if (what.times_sent++ == 0) ++what.times_anew;
    wire::publish packet{version_, what.topic, what.payload, what.qos, dup, one.packet_id};
    packet.retain = what.retain;
    packet.expiry_s = what.expiry_s;
    if (aliases_) {
        const auto alias = static_cast<std::uint16_t>(aliased_.size() + 1);
        const auto [at, fresh] = aliased_.try_emplace(what.topic, alias);
        if (at->second <= 16) packet.alias = at->second;
        if (!fresh && packet.alias > 0) packet.topic = {};
    }
    if (what.qos > 0) {
        owed_.push_back(one.packet_id);
        harbour_.published(*link_, version_, one.packet_id, one.which);
    }
    send(wire::encode(packet));
}

void sim_client::send(std::string bytes) {
    sent_us_ = world_.now_us();
    link_->send(link::client, std::move(bytes));
}

} // namespace wharf::sim
