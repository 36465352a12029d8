// A consumer's connections, sessions and subscriptions.
#include "tests/sim/subscriber.hpp"

#include "gateway/base/topic_filter.hpp"

#include <algorithm>

namespace wharf::sim {

namespace {

constexpr std::int64_t k_look_us = 1 * k_second;
constexpr std::int64_t k_patience_us = 20 * k_second;
constexpr std::int64_t k_quiet_us = 15 * k_second;

std::uint32_t draw_expiry(prng& random, const local_plan& with, int version) {
    if (!random.chance(with.persistent)) return 0;
    if (version == 4) return 7 * 24 * 3600;
    return random.chance(with.short_expiry) ? static_cast<std::uint32_t>(random.between(2, 60))
                                            : 24 * 3600;
}

} // namespace

sim_subscriber::sim_subscriber(world& in, const plan& with, harbour& at, local_watch& watch,
                               std::size_t number, std::uint64_t& link_ids)
    : world_(in), plan_(with), harbour_(at), watch_(watch), link_ids_(link_ids),
      random_(in.random(60).split(number)), number_(number), name_("s" + std::to_string(number)),
      version_(random_.chance(with.local.version_5) ? 5 : 4),
      expiry_s_(draw_expiry(random_, with.local, version_)), book_(in, at, who(), expiry_s_) {
    const auto& local = with.local;
    keep_alive_s_ = static_cast<std::uint16_t>(random_.between(4, 20));
    if (version_ == 5 && local.receive_maximum > 0)
        receive_maximum_ = static_cast<std::uint16_t>(random_.between(1, local.receive_maximum));
    if (local.ack_delay_us_max > 0 && random_.chance(7000))
        ack_delay_us_ = random_.between(1, local.ack_delay_us_max);
    const auto draw_qos = [this, &local] {
        return random_.chance(local.qos_0)   ? std::uint8_t{0}
               : random_.chance(local.qos_2) ? std::uint8_t{2}
                                             : std::uint8_t{1};
    };
    const std::array<std::string, 3> wide = {"wharf/#", "wharf/+/" + std::string(k_site) + "/#",
                                             "#"};
    if (random_.chance(6000)) wants_.push_back({"tasks/+", draw_qos()});
    if (wants_.empty() || random_.chance(4000))
        wants_.push_back({"tasks/" + std::to_string(random_.below(local.topics)), draw_qos()});
    if (random_.chance(local.wills)) wants_.push_back({"wills/+", draw_qos()});
    if (random_.chance(local.wide)) wants_.push_back({random_.pick(wide), draw_qos()});
}

sim_subscriber::sim_subscriber(world& in, const plan& with, harbour& at, local_watch& watch, fresh,
                               std::uint64_t& link_ids)
    : world_(in), plan_(with), harbour_(at), watch_(watch), link_ids_(link_ids),
      random_(in.random(61)), name_("fresh"), book_(in, at, who(), 0), healed_(true) {
    wants_.push_back({"tasks/#", 2});
}

void sim_subscriber::begin(std::int64_t after_us) {
    connect_later(after_us);
}

void sim_subscriber::heal() {
    healed_ = true;
    if (state_ == state::offline) {
        waiting_to_connect_ = false; // it comes back now
        connect_later(0);
    }
}

void sim_subscriber::connect_later(std::int64_t after_us) {
    if (waiting_to_connect_ || state_ != state::offline) return;
    waiting_to_connect_ = true;
    const auto wait = random_.between(1, 100 * k_ms) << std::min(failures_, 6U);
    world_.after(after_us + wait, [this] {
        waiting_to_connect_ = false;
        if (state_ == state::offline) connect();
    });
}

void sim_subscriber::connect() {
    state_ = state::connecting;
    asked_ = false;
    ++connection_;
    link_ = std::make_shared<link>(world_, plan_.net, random_, ++link_ids_, this);
    book_.connecting(heard_us_);
    waiting_us_ = sent_us_ = world_.now_us();
    world_.after(2 * link_->latency_us(), [this, on = link_] {
        if (on == link_) open(on);
    });
    look(connection_);
}

void sim_subscriber::open(const std::shared_ptr<link>& on) {
    const auto door = harbour_.knock();
    if (door == harbour::door::nobody) return; // until its patience ends
    if (door == harbour::door::closed) {
        world_.fired(fault::connection_refused);
        return ended(*on);
    }
    clean_ = expiry_s_ == 0 || (!healed_ && random_.chance(plan_.local.clean_start));
    watch_.linked(*on, *this, is_journaled());
    harbour_.accept(on);
    asked_ = true;
    book_.asked(clean_);
    if (clean_) { // whatever it knew of the session it forgets
        begin_session();
        unsure_ = true;
    }
    wire::connect packet{version_, name_, clean_, expiry_s_, keep_alive_s_, receive_maximum_};
    send(wire::encode(packet));
}

void sim_subscriber::begin_session() {
    held_.clear();
    owed_.clear();
    recorded_.clear();
    times_new_.clear();
    expected_.clear();
    times_will_.clear();
    expected_wills_.clear();
    last_on_.clear();
}

// Now and then: is the connection alive; what might it do next?
void sim_subscriber::look(std::uint64_t connection) {
    world_.after(k_look_us, [this, connection] {
        if (connection != connection_ || state_ == state::offline) return;
        if (!keep_alive()) return;
        if (state_ == state::online && !healed_) {
            const auto& local = plan_.local;
            if (random_.chance(local.leaves / 10))
                return leave(random_.between(0, local.away_us_max));
            if (random_.chance(local.renews / 10)) renew();
            if (random_.chance(local.stalls / 10)) {
                world_.fired(fault::subscriber_does_not_read);
                link_->stall(random_.between(1, 8 * k_second));
            }
        }
        look(connection);
    });
}

// False: it gave the connection up.
bool sim_subscriber::keep_alive() {
    const auto now = world_.now_us();
    const auto give_up = [this] {
        world_.fired(fault::client_gave_up_waiting);
        link_->close(link::client);
        ended(*link_);
        return false;
    };
    const bool waits = state_ == state::connecting || !asking_.empty();
    if (waits && now - waiting_us_ > k_patience_us) return give_up();
    if (state_ != state::online) return true;
    if (now - heard_us_ > 2 * keep_alive_s_ * k_second) return give_up();
    if (now - sent_us_ > keep_alive_s_ * k_second / 2) send(wire::pingreq());
    return true;
}

void sim_subscriber::renew() {
    world_.fired(fault::subscription_renewed);
    const auto which = random_.below(wants_.size());
    give_up_filter(wants_[which]);
    // Some do not wait for the answer to what they asked before.
    if (is_asking(which)) return random_.chance(5000) ? ask(which, false) : ask(which, true);
    if (random_.chance(5000)) {
        wants_[which].qos = static_cast<std::uint8_t>(random_.below(3));
        return ask(which, true);
    }
    ask(which, false);
}

// What was routed stays; what may not have been is no longer owed.
void sim_subscriber::give_up_filter(const wanted& what) {
    held_.erase(what.filter);
    world_.note("filter given up", number_);
    std::erase_if(expected_, [this](std::size_t which) {
        const auto& m = watch_.message_at(which);
        return !m.acknowledged && !holds(m.topic, 1);
    });
    std::erase_if(expected_wills_,
                  [this](std::size_t which) { return !holds(watch_.wills().at(which).topic, 1); });
}

bool sim_subscriber::is_asking(std::size_t which) const {
    return std::ranges::any_of(asking_, [&](const auto& one) { return one.second.which == which; });
}

void sim_subscriber::ask(std::size_t which, bool subscribes) {
    const auto& what = wants_[which];
    const bool piled_up = is_asking(which);
    last_asking_ = static_cast<std::uint16_t>(last_asking_ % 100 + 1);
    asking_[last_asking_] = {which, subscribes, what.qos, piled_up};
    waiting_us_ = world_.now_us();
    if (!subscribes) return send(wire::unsubscribe(version_, last_asking_, what.filter));
    ++times_subscribed_[what.filter];
    send(wire::subscribe(version_, last_asking_, what.filter, what.qos));
}

void sim_subscriber::on_suback(const wire::answer& packet) {
    const auto at = asking_.find(packet.packet_id);
    if (at == asking_.end())
        violated("subscriptions", who() + ": an answer to packet id " +
                                      std::to_string(packet.packet_id) + ", which asked nothing");
    const auto done = at->second;
    asking_.erase(at);
    if (done.subscribes != (packet.what == wire::kind::suback) || packet.reason >= 0x80)
        violated("subscriptions",
                 who() + ": refused with " + std::to_string(packet.reason) + " or misunderstood");
    const auto& what = wants_[done.which];
    if (done.subscribes && packet.reason != done.qos)
        violated("subscriptions", who() + ": granted QoS " + std::to_string(packet.reason));
    if (is_asking(done.which)) return; // the last answer counts
    // Whatever was asked last is what the server has: with several, in whichever order the answers
    // came, it is asked once more.
    if (!done.subscribes || done.piled_up) return ask(done.which, true);
    held_[what.filter] = what.qos;
    world_.note("subscribed", number_, done.which, what.qos);
    changed_us_ = world_.now_us();
}

void sim_subscriber::ended(link& on) {
    if (link_.get() != &on) return;
    on.vanish(link::client);
    link_.reset();
    if (state_ != state::online) ++failures_;
    if (state_ == state::connecting && asked_) book_.unanswered();
    if (book_.may_be_new()) { // also where it was not sure of the one before
        begin_session();
        unsure_ = true;
    }
    state_ = state::offline;
    input_.clear();
    asking_.clear();
    in_flight_.clear();
    ack_us_.clear();
    connect_later(0);
}

void sim_subscriber::cut() {
    if (!link_ || link_->silent()) return;
    world_.fired(fault::connection_reset);
    link_->reset();
}

void sim_subscriber::fall_silent() {
    if (!link_ || link_->silent()) return;
    world_.fired(fault::connection_half_open);
    link_->fall_silent();
    if (random_.chance(6000)) ended(*link_);
}

void sim_subscriber::leave(std::int64_t for_us) {
    world_.fired(fault::subscriber_away);
    if (!link_->silent()) book_.left();
    send(wire::disconnect(version_));
    link_->close(link::client);
    auto on = link_;
    waiting_to_connect_ = true; // not before its time
    ended(*on);
    waiting_to_connect_ = false;
    connect_later(for_us);
}

bool sim_subscriber::settled() const {
    const auto now = world_.now_us();
    return state_ == state::online && held_.size() == wants_.size() && asking_.empty() &&
           !is_owed() && in_flight_.empty() && now - changed_us_ > k_quiet_us &&
           now - heard_us_ < keep_alive_s_ * k_second;
}

bool sim_subscriber::is_owed() const {
    return std::ranges::any_of(
        owed_, [](const auto& one) { return one.second.qos == 2 || !one.second.expires; });
}

std::string sim_subscriber::describe() const {
    return who() + ": " + (state_ == state::online ? "online, " : "not online, ") +
           std::to_string(held_.size()) + " of " + std::to_string(wants_.size()) + " filters, " +
           std::to_string(owed_.size()) + " unacknowledged" +
           (owed_.empty() ? ""
                          : ", the first is packet id " + std::to_string(owed_.begin()->first) +
                                " at QoS " + std::to_string(owed_.begin()->second.qos) +
                                (owed_.begin()->second.expires ? ", which expires" : ""));
}

void sim_subscriber::arrived(link& on, std::string_view bytes) {
    if (link_.get() != &on) return;
    if (state_ == state::online) heard_us_ = world_.now_us();
    input_ += bytes;
    while (link_.get() == &on) {
        const auto packet = wire::take(input_, version_);
        if (!packet) return;
        on_packet(*packet);
    }
}

void sim_subscriber::on_packet(const wire::answer& packet) {
    if (packet.what != wire::kind::publish)
        world_.note("to consumer", number_, static_cast<std::uint64_t>(packet.what),
                    packet.packet_id);
    switch (packet.what) {
    case wire::kind::connack:
        return on_connack(packet);
    case wire::kind::publish:
        return on_publish(packet);
    case wire::kind::pubrel:
        return on_pubrel(packet);
    case wire::kind::suback:
    case wire::kind::unsuback:
        return on_suback(packet);
    default:
        return;
    }
}

void sim_subscriber::on_connack(const wire::answer& packet) {
    if (state_ != state::connecting) violated("connack", who() + ": a second CONNACK");
    if (packet.reason != 0) {
        link_->close(link::client);
        return ended(*link_);
    }
    const bool was_certain = session_is_certain() && !clean_;
    book_.answered(packet.session_present, is_journaled());
    if (!packet.session_present) {
        if (was_certain) world_.fired(fault::subscriber_session_lost);
        begin_session();
        unsure_ = false;
    }
    state_ = state::online;
    heard_us_ = world_.now_us(); // a refusal keeps no session
    failures_ = 0;
    world_.note("consumer is online", number_, packet.session_present ? 1 : 0, link_->id());
    changed_us_ = world_.now_us();
    for (std::size_t i = 0; i < wants_.size(); ++i)
        if (!held_.contains(wants_[i].filter)) ask(i, true);
}

void sim_subscriber::send(std::string bytes) {
    sent_us_ = world_.now_us();
    link_->send(link::client, std::move(bytes));
}

} // namespace wharf::sim
