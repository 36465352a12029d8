#include "gateway/platform/fleet/fleet_desk.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/manage/envelope.hpp"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <chrono>
#include <limits>

namespace wharf {

namespace {

using wharf::v1::GatewayState;

constexpr auto k_tick = std::chrono::seconds(1);
// A change is told soon, but not each of many at once.
constexpr std::int64_t k_state_pause_us = 2'000'000;
constexpr std::int64_t k_second_us = 1'000'000;
// No report has these: numbers are of journal time. The last state of all; and one that shows that
// the broker takes what the gateway says.
constexpr std::uint64_t k_last_words = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t k_proof = k_last_words - 1;

} // namespace

fleet_desk::fleet_desk(parts with, const fleet_config& settings, const gateway_config& gateway,
                       std::optional<private_key> key, fleet_desk_callbacks callbacks)
    : with_(with), settings_(settings), gateway_(gateway), key_(std::move(key)),
      callbacks_(std::move(callbacks)), timer_(with.io), started_at_us_(with.clock.wall_us()) {
    status_.configured = settings.present;
}

fleet_desk::~fleet_desk() {
    stop(0);
}

result<std::unique_ptr<fleet_desk>>
fleet_desk::make(parts with, const fleet_config& settings, const gateway_config& gateway,
                 std::optional<private_key> key, const digest_key& nonce_key, manage::roster first,
                 manage_state found, std::string password, fleet_desk_callbacks callbacks) {
    std::unique_ptr<fleet_desk> out(
        new fleet_desk(with, settings, gateway, std::move(key), std::move(callbacks)));
    WHARF_TRY_ASSIGN(auto operators, manage::operators_of(found, std::move(first)));
    if (settings.present && !with.ended && operators.content().operators_size() == 0)
        return error{errc::not_found,
                     "no operators: expected the first ones in " + settings.operators_file};
    out->desk_ = std::make_unique<manage::command_desk>(
        out->key_ ? out->key_->half().fingerprint() : key_fingerprint{}, nonce_key,
        std::move(operators), std::move(found), out->now());
    if (!settings.present) return out;
    fleet_broker_callbacks calls;
    fleet_desk& it = *out;
    calls.up = [&it] {
        it.status_.connected = true;
        it.status_.since_us = it.with_.clock.wall_us();
        it.callbacks_.log(false, "the fleet broker is reached");
        it.desk_->on_link_up();
        it.perform();
        it.send_state(it.proof_ ? k_proof : 0);
    };
    calls.down = [&it](const std::string& why) {
        it.desk_->on_link_down();
        it.last_sent_ = false;
        if (why.empty()) { // on purpose
            it.status_.connected = false;
            it.status_.last_error.clear();
            return;
        }
        const bool news =
            std::exchange(it.status_.connected, false) || it.status_.last_error != why;
        if (it.status_.since_us == 0 || news) it.status_.since_us = it.with_.clock.wall_us();
        it.status_.last_error = why;
        if (news) it.callbacks_.log(true, "the fleet broker is not reached: " + why);
    };
    calls.message = [&it](const std::string& payload) {
        it.desk_->on_message(payload, it.now());
        it.perform();
    };
    calls.delivered = [&it](std::uint64_t number) {
        if (number == k_last_words) return it.callbacks_.last_said();
        if (number == k_proof) return it.proven({});
        it.desk_->on_delivered(number);
        it.perform();
    };
    calls.failed = [&it](std::uint64_t number) {
        if (number == k_proof) return it.proven("the broker refuses what the gateway tells it");
        it.send_again_ = true;
        it.last_sent_ = false;
    };
    out->broker_ = std::make_unique<fleet_broker>(with.io, settings, std::move(password),
                                                  out->topic("cmd"), with.random, std::move(calls));
    return out;
}

void fleet_desk::start() {
    if (broker_ != nullptr)
        broker_->start(topic("state"), [this] {
            auto last = manage::sign_report(state_now(true).SerializeAsString(), *key_);
            // Without entropy nothing of this program works.
            return last.ok() ? last->SerializeAsString() : std::string();
        });
    perform();
    tick();
}

void fleet_desk::stop(std::uint32_t wait_ms) {
    if (std::exchange(stopped_, true)) return;
    timer_.cancel();
    if (broker_ == nullptr) return;
    if (status_.connected && wait_ms > 0) {
        auto last = manage::sign_report(state_now(true).SerializeAsString(), *key_);
        if (last.ok())
            static_cast<void>(broker_->publish(topic("state"), last->SerializeAsString(), true, 0));
    }
    broker_->stop(wait_ms);
}

std::string fleet_desk::topic(std::string_view channel) const {
    return "wharf-fleet/1/" + gateway_.site + "/" + gateway_.name + "/" + std::string(channel);
}

manage::desk_time fleet_desk::now() const {
    return {with_.clock.monotonic_us(), with_.clock.wall_us(), with_.clock.wall_synchronised(),
            callbacks_.journal_time_us()};
}

// --- what the desk wants
// ---------------------------------------------------------------------------

void fleet_desk::perform() {
    for (auto actions = desk_->take_actions(); !actions.empty(); actions = desk_->take_actions())
        for (manage::desk_action& action : actions)
            std::visit([this](auto& one) { perform(one); }, action);
}

void fleet_desk::perform(manage::act::check& one) {
    auto hold = std::make_shared<std::vector<bool>>();
    auto work = std::make_shared<manage::act::check>(std::move(one));
    const bool taken = with_.workers.post(
        [hold, work] {
            for (const auto& [key, value] : work->signatures)
                hold->push_back(key.verifies(work->bytes, value));
        },
        [this, alive = std::weak_ptr(alive_), hold, of = work->of] {
            if (alive.expired()) return;
            desk_->on_checked(of, *hold, now());
            perform();
        });
    // The workers have their hands full: as if it had not come. It is ordered again.
    if (!taken) desk_->on_checked(work->of, {}, now());
}

void fleet_desk::perform(manage::act::journal& one) {
    callbacks_.submit(std::move(one.request));
}

void fleet_desk::perform(manage::act::run& one) {
    callbacks_.run(one);
}

void fleet_desk::perform(manage::act::publish& one) {
    sign_and_send(std::move(one.channel), std::move(one.report), one.outbound);
}

void fleet_desk::perform(manage::act::answer& one) {
    if (auto found = waiting_.extract(one.of); !found.empty()) found.mapped()(one.report);
}

void fleet_desk::perform(manage::act::log& one) {
    callbacks_.log(one.warning, one.text);
}

void fleet_desk::perform(manage::act::operators_changed&) {
    callbacks_.log(false, "the operators changed");
    want_state();
}

// What is kept goes again when the link is up the next time; the rest is gone with it. Workers sign
// side by side: what is sent keeps its order all the same.
void fleet_desk::sign_and_send(std::string channel, std::string report, std::uint64_t number) {
    if (!status_.connected) return;
    auto one = std::make_shared<signing>(signing{std::move(channel), std::move(report), number});
    const bool taken = with_.workers.post(
        [one, key = *key_] {
            auto made = manage::sign_report(std::move(one->bytes), key);
            one->bytes = made.ok() ? made->SerializeAsString() : std::string();
        },
        [this, alive = std::weak_ptr(alive_), one] {
            if (alive.expired() || stopped_) return;
            one->done = true;
            send_signed();
        });
    if (taken)
        signing_.push_back(std::move(one));
    else
        send_again_ = send_again_ || number != 0;
}

void fleet_desk::send_signed() {
    for (; !signing_.empty() && signing_.front()->done; signing_.pop_front()) {
        const signing& one = *signing_.front();
        const bool sent =
            !one.bytes.empty() &&
            broker_->publish(topic(one.channel), one.bytes, one.channel == "state", one.number);
        if (!sent) send_again_ = send_again_ || one.number != 0;
    }
}

// --- what the gateway says of itself
// ---------------------------------------------------------------

GatewayState fleet_desk::state_now(bool gone) {
    GatewayState out = callbacks_.look();
    out.set_version(1);
    out.set_site(gateway_.site);
    out.set_gateway(gateway_.name);
    out.set_public_key(key_->half().der());
    out.set_nonce(desk_->nonce(now()));
    out.set_started_at_us(started_at_us_);
    out.set_at_us(with_.clock.wall_us());
    out.set_number(++states_);
    out.set_clock_synchronised(with_.clock.wall_synchronised());
    out.set_roster_revision(desk_->operators().content().revision());
    out.set_commands_refused(desk_->counts().refused);
    if (gone && !with_.ended) {
        out.set_health("gone");
        out.clear_reasons();
        out.clear_status_json();
    }
    return out;
}

void fleet_desk::send_state(std::uint64_t number) {
    const auto now_us = with_.clock.monotonic_us();
    const GatewayState state = state_now(false);
    const auto every_s = state.configuration_confirm_by_us() == 0
                             ? settings_.state_every_s
                             : std::min(settings_.state_every_s, limits::k_trial_state_s);
    state_sent_us_ = now_us;
    state_due_us_ = now_us + std::int64_t{every_s} * k_second_us;
    nonce_told_ = state.nonce();
    // For people and tools: the same, unsigned.
    std::string json;
    google::protobuf::util::JsonPrintOptions how;
    how.preserve_proto_field_names = true;
    if (google::protobuf::util::MessageToJsonString(state, &json, how).ok())
        static_cast<void>(broker_->publish(topic("state/json"), json, true, 0));
    sign_and_send("state", state.SerializeAsString(), number);
}

void fleet_desk::proven(const std::string& refused) {
    if (auto done = std::exchange(proof_, nullptr)) done(refused);
}

void fleet_desk::try_link(std::function<void(const std::string& refused)> done) {
    proof_ = std::move(done);
    reconnect();
}

void fleet_desk::reconnect() {
    if (broker_ != nullptr) broker_->reconnect();
}

void fleet_desk::use_key(private_key key, const manage::successions& former) {
    const bool other = !key_ || key_->half().fingerprint() != key.half().fingerprint();
    key_ = std::move(key);
    desk_->use_key(key_->half().fingerprint(), manage::former_keys(former));
    if (other) reconnect();
}

// When all reports are with the broker. Who signs it signs nothing after it.
void fleet_desk::say_last() {
    if (last_sent_ || desk_->counts().outbound > 0 || desk_->counts().open > 0) return;
    auto last = manage::sign_report(state_now(true).SerializeAsString(), *key_);
    last_sent_ = last.ok() &&
                 broker_->publish(topic("state"), last->SerializeAsString(), true, k_last_words);
}

void fleet_desk::want_state() {
    state_due_us_ = std::min(state_due_us_, state_sent_us_ + k_state_pause_us);
}

void fleet_desk::tick() {
    desk_->tick(now());
    perform();
    if (status_.connected) {
        if (std::exchange(send_again_, false)) desk_->on_link_up();
        perform();
        if (desk_->nonce(now()) != nonce_told_) want_state();
        if (with_.clock.monotonic_us() >= state_due_us_) send_state();
        if (with_.ended) say_last();
    }
    timer_.expires_after(k_tick);
    timer_.async_wait([this](auto failed) {
        if (!failed && !stopped_) tick();
    });
}

// --- what comes from elsewhere
// -----------------------------------------------------------------------

void fleet_desk::on_answer(const manage_done& done) {
    desk_->on_journaled(done.token, now());
    perform();
}

void fleet_desk::finish(manage::ticket of, manage::command_outcome outcome) {
    desk_->finish(of, std::move(outcome), now());
    perform();
}

manage_ops fleet_desk::done_with(manage::ticket of, manage::command_outcome outcome) {
    return desk_->done_with(of, std::move(outcome), now());
}

void fleet_desk::rode(manage::ticket of) {
    desk_->on_rode(of, now());
    perform();
    want_state();
}

std::optional<manage::late_end> fleet_desk::ends_later(manage::ticket of) {
    return desk_->ends_later(of, now());
}

void fleet_desk::rode(manage::ticket of, std::string report) {
    desk_->on_rode(of, std::move(report), now());
    perform();
    want_state();
}

manage_ops fleet_desk::begun_with(manage::ticket of, std::string how) {
    return desk_->begun_with(of, std::move(how));
}

void fleet_desk::answer_early(manage::ticket of, manage::command_outcome so_far) {
    desk_->answer_early(of, std::move(so_far), now());
    perform();
}

void fleet_desk::tell_progress(manage::ticket of, manage::command_outcome so_far) {
    desk_->tell_progress(of, std::move(so_far), now());
    perform();
}

void fleet_desk::change_operators(manage::ticket of, manage::roster next,
                                  manage::command_outcome outcome) {
    desk_->change_operators(of, std::move(next), std::move(outcome), now());
    perform();
}

void fleet_desk::order(wharf::v1::Command command, const std::string& user,
                       std::function<void(const wharf::v1::CommandReport&)> reply) {
    std::string id;
    put_big(id, with_.random.next());
    put_big(id, with_.random.next());
    command.set_id(id);
    const auto of = desk_->on_local(std::move(command), user, now());
    waiting_.emplace(of, std::move(reply));
    perform();
}

void fleet_desk::raise(wharf::v1::GatewayEvent event) {
    if (broker_ == nullptr) return;
    event.set_site(gateway_.site);
    event.set_gateway(gateway_.name);
    desk_->raise(std::move(event), now());
    perform();
    want_state();
}

fleet_status fleet_desk::status() const {
    fleet_status out = status_;
    out.commands = desk_->counts();
    return out;
}

} // namespace wharf
