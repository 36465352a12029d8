#include "tests/sim/listener.hpp"

#include <algorithm>
#include <iterator>

namespace wharf::sim {

namespace {

constexpr std::int64_t k_tick_us = 250'000;
constexpr std::size_t k_read_bytes = 16 * 1024;
constexpr std::size_t k_spent_max = 64; // fewer than there are, so that the bound is reached
constexpr std::size_t k_spent_bytes_max = 4096;

} // namespace

sim_listener::sim_listener(world& in, process& of, const plan& with, const intake& prepare,
                           mqtt::session_limits limits, broker::broker_options broker,
                           listener_calls calls)
    : world_(in), process_(of), plan_(with), limits_(limits), calls_(std::move(calls)),
      random_(in.random(91).split(of.life())),
      broker_(std::move(broker), prepare,
              {[this](journal_request request) { submit(std::move(request)); },
               [this] { return take_spent(); },
               [this](notice, const std::string& text) {
                   if (text.find("connected again") != text.npos)
                       world_.fired(fault::session_taken_over);
                   if (text.find("its queue is full") != text.npos)
                       world_.fired(fault::local_queue_full);
                   if (text.find("not retained") != text.npos) world_.fired(fault::not_retained);
               }}) {}

sim_listener::~sim_listener() {
    for (auto& [id, one] : connections_)
        one->retire();
}

status sim_listener::restore(local_state from, std::int64_t journal_offset_us) {
    look_at_clock();
    // Without consumers there is nothing that a tick would do before somebody connects.
    if (plan_.local.subscribers > 0 && !std::exchange(ticking_, true))
        process_.post(k_tick_us, [this] { tick(); });
    return broker_.restore(std::move(from), journal_offset_us);
}

void sim_listener::look_at_clock() {
    broker_.look({process_.wall_us(), process_.monotonic_us(), process_.wall_synchronised()});
}

void sim_listener::accept(const std::shared_ptr<link>& on) {
    auto made = std::make_shared<sim_connection>(*this, ++last_id_, on);
    on->accept(made.get());
    connections_[last_id_] = made;
    made->start();
    if (!std::exchange(ticking_, true)) process_.post(k_tick_us, [this] { tick(); });
}

void sim_listener::tick() {
    look_at_clock();
    std::vector<std::shared_ptr<sim_connection>> all;
    for (auto& [id, one] : connections_)
        all.push_back(one);
    for (auto& one : all)
        one->tick();
    broker_.on_tick();
    shrink_spent();
    if (stopping_) finish_stop();
    ticking_ = plan_.local.subscribers > 0 || !connections_.empty();
    if (ticking_) process_.post(k_tick_us, [this] { tick(); });
}

void sim_listener::submit(journal_request request) {
    requests_.push_back(std::move(request));
    if (requests_.size() >= plan_.gateway.submit_requests_max) return hand_over();
    if (std::exchange(hand_over_posted_, true)) return;
    process_.post(0, [this] {
        hand_over_posted_ = false;
        hand_over();
    });
}

void sim_listener::hand_over() {
    if (requests_.empty()) return;
    const auto count = requests_.size();
    const bool room = calls_.submit(std::exchange(requests_, {}));
    requests_.reserve(count);
    if (room || !room_) return;
    room_ = false;
    for (auto& [id, one] : connections_)
        one->hold_publishes(true);
}

void sim_listener::on_spent(std::vector<journal_request>& requests) {
    if (newly_spent_.empty()) return newly_spent_.swap(requests);
    const auto room = k_spent_max - std::min(k_spent_max, newly_spent_.size());
    const auto count = std::min(room, requests.size());
    std::move(requests.end() - static_cast<std::ptrdiff_t>(count), requests.end(),
              std::back_inserter(newly_spent_));
}

// The memory of messages is used again: what it held must not show in the next one.
prepared_message sim_listener::take_spent() {
    if (spent_.empty()) spent_.swap(newly_spent_);
    prepared_message out;
    if (!spent_.empty()) {
        auto* ingest = std::get_if<ingest_request>(&spent_.back());
        if (ingest != nullptr && ingest->bytes <= k_spent_bytes_max)
            out = std::move(ingest->message);
        spent_.pop_back();
    }
    spent_least_ = std::min(spent_least_, spent_.size());
    return out;
}

void sim_listener::shrink_spent() {
    spent_.erase(spent_.begin(), spent_.begin() + static_cast<std::ptrdiff_t>(spent_least_));
    if (spent_.empty()) spent_.swap(newly_spent_);
    if (spent_.size() > k_spent_max) spent_.resize(k_spent_max);
    spent_least_ = spent_.size();
}

void sim_listener::on_room() {
    process_.hand_over(to_here_, [this] {
        look_at_clock();
        room_ = true;
        std::vector<std::shared_ptr<sim_connection>> all;
        for (auto& [id, one] : connections_)
            all.push_back(one);
        for (auto& one : all) {
            if (room_) one->hold_publishes(false);
            one->pump();
        }
    });
}

void sim_listener::on_answers(std::vector<journal_answer> answers) {
    process_.hand_over(to_here_, [this, answers = std::move(answers)]() mutable {
        look_at_clock();
        std::vector<std::shared_ptr<sim_connection>> touched;
        for (journal_answer& answer : answers) {
            if (broker_.on_answer(answer)) continue;
            const auto id = broker::client::id_of(
                std::visit([](const auto& one) { return one.token; }, answer));
            if (touched.empty() || touched.back()->id() != id) {
                const auto found = connections_.find(id);
                if (found == connections_.end()) continue;
                touched.push_back(found->second);
            }
            touched.back()->on_answer(answer);
        }
        for (auto& one : touched)
            one->pump();
    });
}

void sim_listener::retire(std::uint64_t id) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    // It may be in the middle of one of its own calls.
    process_.post(0, [kept = std::move(found->second)] {});
    connections_.erase(found);
}

void sim_listener::stop(std::int64_t wait_us, std::function<void()> done) {
    stopping_ = true;
    stopped_ = std::move(done);
    stop_by_us_ = world_.now_us() + wait_us;
    finish_stop();
    if (stopped_ && !std::exchange(ticking_, true)) process_.post(k_tick_us, [this] { tick(); });
}

void sim_listener::finish_stop() {
    std::vector<std::shared_ptr<sim_connection>> all;
    for (auto& [id, one] : connections_)
        all.push_back(one);
    const bool late = world_.now_us() >= stop_by_us_;
    for (auto& one : all)
        if (one->idle() || late) one->end(mqtt::reason::server_shutting_down);
    if (late && world_.now_us() >= stop_by_us_ + k_second)
        for (auto& one : all)
            one->lost();
    if (!connections_.empty() || !stopped_) return;
    broker_.flush();
    hand_over();
    std::exchange(stopped_, nullptr)();
}

void sim_listener::drop_links(bool silently) {
    for (auto& [id, one] : connections_)
        one->drop_link(silently);
}

void sim_listener::check_bounds() const {
    for (const auto& [id, one] : connections_)
        one->check_bounds();
}

// --- one connection
// ------------------------------------------------------------------------------

sim_connection::sim_connection(sim_listener& owner, std::uint64_t id, std::shared_ptr<link> on)
    : owner_(owner), id_(id), link_(std::move(on)),
      client_(owner.broker_, *this, owner.limits_, id, "wharf-" + std::to_string(id)) {}

void sim_connection::start() {
    client_.session().hold_publishes(!owner_.room_);
    pump();
}

void sim_connection::pump() {
    woken_ = false;
    if (finished_) return;
    if (!writing_) client_.pump();
    write();
    read();
}

void sim_connection::arrived(link&, std::string_view bytes) {
    if (finished_) return;
    inbox_ += bytes;
    read();
}

void sim_connection::read() {
    while (!closing_ && !finished_ && !owner_.stopping_ && client_.session().wants_bytes() &&
           !inbox_.empty()) {
        const auto bytes = inbox_.substr(0, k_read_bytes);
        inbox_.erase(0, bytes.size());
        owner_.look_at_clock();
        client_.session().on_bytes(bytes, owner_.now_ms());
        if (!writing_) client_.pump();
        write();
    }
    const bool would_read = !owner_.stopping_ && client_.session().wants_bytes();
    if (peer_gone_ && (closing_ || (would_read && inbox_.empty()))) lost();
}

void sim_connection::write() {
    if (writing_ || finished_) return;
    if (client_.session().output().empty()) {
        if (closing_) finish();
        return;
    }
    writing_ = true;
    std::string output;
    output.swap(client_.session().output());
    owner_.calls_.leaving(*link_, output);
    link_->send(link::server, std::move(output));
    const auto done_us = owner_.process_.hop_us() + link_->stalled_for_us();
    owner_.process_.post(done_us, [self = shared_from_this()] {
        self->writing_ = false;
        self->owner_.look_at_clock();
        self->client_.session().on_drained();
        self->pump();
    });
}

// The kernel hands out what came before the end first, to a process that reads.
void sim_connection::ended(link&) {
    peer_gone_ = true;
    read();
}

void sim_connection::lost() {
    if (finished_) return;
    owner_.look_at_clock(); // a will's delay begins now
    client_.session().on_transport_closed();
    finish();
}

void sim_connection::finish() {
    if (std::exchange(finished_, true)) return;
    link_->close(link::server);
    client_.retire();
    owner_.retire(id_);
}

void sim_connection::drop_link(bool silently) {
    if (finished_) return;
    if (silently)
        link_->fall_silent();
    else
        link_->reset();
    link_->vanish(link::server);
}

void sim_connection::end(mqtt::reason why) {
    client_.session().end(why);
    pump();
}

void sim_connection::tick() {
    if (finished_) return;
    client_.session().on_tick(owner_.now_ms());
    pump();
}

void sim_connection::wake() {
    if (std::exchange(woken_, true)) return;
    owner_.process_.post(0, [self = shared_from_this()] { self->pump(); });
}

// Looking at a password takes its time.
void sim_connection::sign_in(const mqtt::open_request& request) {
    identity_ = request.username ? std::string(*request.username)
                                 : "owner of " + std::string(request.client_id);
    const auto most_us = owner_.plan_.gateway.sign_in_us_max;
    if (most_us == 0) return client_.signed_in(mqtt::reason::success);
    owner_.process_.post(owner_.random_.between(1, most_us), [self = shared_from_this()] {
        if (self->finished_) return;
        self->owner_.look_at_clock();
        self->client_.signed_in(mqtt::reason::success);
        self->pump();
    });
}

std::optional<std::string> sim_connection::owner() const {
    if (!owner_.plan_.gateway.owned) return std::nullopt;
    return identity_;
}

void sim_connection::close(std::string_view) {
    closing_ = true;
}

void sim_connection::check_bounds() const {
    const auto bound = [this](const char* what, std::size_t is, std::size_t most) {
        if (is > most)
            violated("bounds", "connection of " + client_.client_id() + ": " + what + " " +
                                   std::to_string(is) + ", at most " + std::to_string(most));
    };
    const auto& limits = owner_.limits_;
    bound("acknowledgements owed", client_.session().owed_count(),
          std::size_t{2} * limits.receive_maximum);
    bound("unacknowledged bytes", client_.session().unacknowledged_bytes(),
          limits.unacknowledged_bytes_max + limits.packet_bytes_max);
    bound("bytes read ahead", client_.session().buffered_bytes(),
          limits.packet_bytes_max + 1024 * 1024);
}

} // namespace wharf::sim
