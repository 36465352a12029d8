#include "tests/sim/stranger.hpp"

#include <utility>

namespace wharf::sim {

namespace {
constexpr std::int64_t k_patience_us = 20 * k_second;
constexpr std::int64_t k_stays_us = 3 * k_second;
} // namespace

sim_stranger::sim_stranger(world& in, const plan& with, harbour& at, std::vector<victim> victims,
                           std::uint64_t& link_ids)
    : world_(in), plan_(with), harbour_(at), victims_(std::move(victims)), link_ids_(link_ids),
      random_(in.random(63)) {}

void sim_stranger::try_later() {
    const auto every_us = plan_.gateway.stranger_every_us;
    if (every_us == 0) return;
    world_.after(random_.between(1, 2 * every_us), [this] {
        if (healed_) return;
        if (!link_) connect();
        try_later();
    });
}

void sim_stranger::connect() {
    which_ = random_.below(victims_.size());
    input_.clear();
    link_ = std::make_shared<link>(world_, plan_.net, random_, ++link_ids_, this);
    world_.after(2 * link_->latency_us(), [this, on = link_] {
        if (on == link_) open(on);
    });
    world_.after(k_patience_us, [this, on = link_] {
        if (on == link_) leave();
    });
}

void sim_stranger::open(const std::shared_ptr<link>& on) {
    if (harbour_.knock() != harbour::door::open) return ended(*on);
    harbour_.accept(on);
    had_session_ = victims_[which_].has_session();
    version_ = random_.chance(5000) ? 4 : 5;
    wire::connect packet{version_, victims_[which_].name, version_ == 4 || random_.chance(5000)};
    packet.keep_alive_s = 30;
    packet.username = "stranger"; // whose sessions end with their connections
    world_.note("stranger as", which_, had_session_ ? 1 : 0, on->id());
    on->send(link::client, wire::encode(packet));
}

void sim_stranger::heal() {
    healed_ = true;
    if (link_) leave();
}

void sim_stranger::leave() {
    link_->send(link::client, wire::disconnect(version_));
    link_->close(link::client);
    link_.reset();
}

void sim_stranger::arrived(link& on, std::string_view bytes) {
    if (link_.get() != &on) return;
    input_ += bytes;
    while (link_.get() == &on) {
        const auto packet = wire::take(input_, version_);
        if (!packet) return;
        if (packet->what == wire::kind::connack) on_connack(*packet);
        if (packet->what == wire::kind::publish)
            violated("identity", "a stranger got a message for " + victims_[which_].name);
    }
}

void sim_stranger::on_connack(const wire::answer& packet) {
    if (packet.reason != 0) {
        const bool for_that = packet.reason == (version_ == 5 ? 0x87 : 5);
        if (for_that) world_.fired(fault::stranger_refused);
        return leave();
    }
    world_.fired(fault::stranger_let_in);
    if (packet.session_present || (had_session_ && victims_[which_].has_session()))
        violated("identity",
                 "a stranger was let in as " + victims_[which_].name +
                     (packet.session_present ? ", to its session" : ", which has a session"));
    world_.after(random_.between(0, k_stays_us), [this, on = link_] {
        if (on == link_) leave();
    });
}

void sim_stranger::ended(link& on) {
    if (link_.get() != &on) return;
    on.vanish(link::client);
    link_.reset();
}

} // namespace wharf::sim
