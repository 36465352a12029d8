#include "gateway/platform/listener.hpp"

#include "gateway/platform/access/access_desk.hpp"
#include "gateway/platform/connection.hpp"
#include "gateway/platform/system_limits.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <iterator>
#include <vector>

namespace wharf {

namespace asio = boost::asio;

namespace {
constexpr auto k_tick = std::chrono::milliseconds(250);
constexpr unsigned k_peer_silence_s = 60;
// Connections whose time is looked at in one turn of the loop.
constexpr std::size_t k_visits = 128;
} // namespace

listener::listener(asio::io_context& on, listener_options options, intake& prepare,
                   clock_port& clock, random_port& random, listener_callbacks callbacks)
    : io_(on), options_(std::move(options)), clock_(clock), random_(random),
      callbacks_(std::move(callbacks)),
      plain_(on, door_callbacks([this](tcp::socket socket) {
                 if (const auto id = admit(socket))
                     settle(*id, tls::device_stream(std::move(socket)));
             })),
      secure_(on, door_callbacks([this](tcp::socket socket) { greet(std::move(socket)); })),
      timer_(on), broker_(options_.broker, prepare,
                          {[this](journal_request request) { submit(std::move(request)); },
                           [this] { return take_spent(); }, callbacks_.log}) {}

door::callbacks listener::door_callbacks(std::function<void(tcp::socket)> came) {
    return {std::move(came),
            [this](const std::string& text) { callbacks_.log(notice::warning, text); }};
}

listener::~listener() {
    for (auto& [id, one] : connections_)
        one->retire(); // what the loop still holds of it outlives the broker
}

status listener::restore(local_state from, std::int64_t journal_offset_us) {
    look_at_clock();
    return broker_.restore(std::move(from), journal_offset_us);
}

status listener::start() {
    if (options_.plain) WHARF_TRY(plain_.open(options_.address, options_.port));
    if (reception_ != nullptr) WHARF_TRY(secure_.open(options_.tls_address, options_.tls_port));
    if (callbacks_.access != nullptr)
        callbacks_.access->on_changed([this](const auto& names) { end_identities(names); });
    tick();
    return ok();
}

void listener::use_tls(worker_pool& workers, std::shared_ptr<const tls::context> with) {
    reception_ = std::make_unique<tls::reception>(workers, clock_, spares_,
                                                  tls::reception_options{}, reception_calls());
    reception_->use(std::move(with));
}

void listener::renew_tls(const std::shared_ptr<const tls::context>& with) {
    WHARF_ASSERT(reception_ != nullptr);
    reception_->use(with);
    look_at_clock();
    for (auto& one : all())
        one->judge_again(*with);
}

std::vector<std::shared_ptr<connection>> listener::all() const {
    std::vector<std::shared_ptr<connection>> out;
    out.reserve(connections_.size());
    for (const auto& [id, one] : connections_)
        out.push_back(one);
    return out;
}

std::optional<std::uint64_t> listener::admit(tcp::socket& socket) {
    ++counters_.connections_accepted;
    const auto waiting = reception_ == nullptr ? 0 : reception_->size();
    if (connections_.size() + waiting >= options_.connections_max) {
        ++counters_.connections_refused;
        return std::nullopt;
    }
    boost::system::error_code failed;
    socket.set_option(tcp::no_delay(true), failed);
    if (!failed) socket.non_blocking(true, failed);
    if (failed) return std::nullopt;
    // A peer that is gone without a word, or that does not read, is noticed by the kernel too.
    if (!watch_peer(socket.native_handle(), k_peer_silence_s)) return std::nullopt;
    const std::uint64_t id = next_id();
    if (!make_way(id, socket)) return std::nullopt;
    return id;
}

// Ids come round again: never one that is still in use.
std::uint64_t listener::next_id() {
    constexpr std::uint64_t mask = (std::uint64_t{1} << (64 - broker::client::k_token_bits)) - 1;
    std::uint64_t id = ++last_id_ & mask;
    while (!broker::client::may_be_id(id) || connections_.contains(id) ||
           (reception_ != nullptr && reception_->has(id)))
        id = ++last_id_ & mask;
    return id;
}

void listener::settle(std::uint64_t id, tls::device_stream stream) {
    auto made = std::make_shared<connection>(*this, id, std::move(stream));
    connections_[id] = made;
    counters_.connections_open = connections_.size();
    made->start();
}

void listener::tick() {
    timer_.expires_after(k_tick);
    timer_.async_wait([this](auto failed) {
        if (failed) return;
        look_at_clock();
        if (to_visit_.empty()) {
            to_visit_ = all();
            visit_some();
        }
        broker_.on_tick();
        copy_counters();
        if (reception_ != nullptr) reception_->tick();
        shrink_spent();
        guard_memory();
        if (stopping_) finish_stop();
        if (!stopping_ || !connections_.empty()) tick();
    });
}

// Some at a time: where there are thousands, those that have something to say have their turns
// between.
void listener::visit_some() {
    for (std::size_t i = 0; i < k_visits && !to_visit_.empty(); ++i) {
        to_visit_.back()->tick(now_ms());
        to_visit_.pop_back();
    }
    if (to_visit_.empty()) return;
    asio::post(io_, [this] {
        look_at_clock();
        visit_some();
    });
}

void listener::submit(journal_request request) {
    requests_.push_back(std::move(request));
    if (requests_.size() >= limits::k_submit_requests_max) return hand_over();
    if (std::exchange(hand_over_posted_, true)) return;
    asio::post(io_, [this] {
        hand_over_posted_ = false;
        hand_over();
    });
}

void listener::hand_over() {
    if (requests_.empty()) return;
    const auto count = requests_.size();
    const bool room = callbacks_.submit(std::exchange(requests_, {}));
    requests_.reserve(count);
    if (room || !room_) return;
    // Sockets are read on, so that pings and acknowledgements pass; a PUBLISH waits where it is.
    room_ = false;
    for (auto& [id, one] : connections_)
        one->hold_publishes(true);
}

void listener::on_spent(std::vector<journal_request>& requests) {
    std::lock_guard lock(spent_mutex_);
    if (newly_spent_.empty()) return newly_spent_.swap(requests);
    const auto room =
        limits::k_spent_requests_max - std::min(limits::k_spent_requests_max, newly_spent_.size());
    const auto count = std::min(room, requests.size());
    std::move(requests.end() - static_cast<std::ptrdiff_t>(count), requests.end(),
              std::back_inserter(newly_spent_));
}

prepared_message listener::take_spent() {
    if (spent_.empty()) {
        std::lock_guard lock(spent_mutex_);
        spent_.swap(newly_spent_);
    }
    prepared_message out;
    if (!spent_.empty()) {
        auto* ingest = std::get_if<ingest_request>(&spent_.back());
        if (ingest != nullptr && ingest->bytes <= limits::k_spent_request_bytes_max)
            out = std::move(ingest->message);
        spent_.pop_back();
    }
    spent_least_ = std::min(spent_least_, spent_.size());
    return out;
}

// What was not needed since the last tick is not kept.
void listener::shrink_spent() {
    spent_.erase(spent_.begin(), spent_.begin() + static_cast<std::ptrdiff_t>(spent_least_));
    if (spent_.empty()) {
        std::lock_guard lock(spent_mutex_);
        spent_.swap(newly_spent_);
        newly_spent_.shrink_to_fit();
    }
    if (spent_.empty()) spent_.shrink_to_fit();
    if (spent_.size() > limits::k_spent_requests_max) spent_.resize(limits::k_spent_requests_max);
    spent_least_ = spent_.size();
}

void listener::look_at_clock() {
    broker_.look({clock_.wall_us(), clock_.monotonic_us(), clock_.wall_synchronised()});
}

void listener::on_room() {
    asio::post(io_, [this] {
        look_at_clock();
        room_ = true;
        for (auto& one : all()) {
            if (room_) one->hold_publishes(false);
            one->pump();
        }
    });
}

void listener::on_answers(std::vector<journal_answer> answers) {
    asio::post(io_, [this, answers = std::move(answers)]() mutable {
        look_at_clock();
        std::vector<std::shared_ptr<connection>> touched;
        for (journal_answer& answer : answers) {
            if (broker_.on_answer(answer)) continue;
            const std::uint64_t id = broker::client::id_of(
                std::visit([](const auto& one) { return one.token; }, answer));
            // Mostly it is the same one's as before.
            if (touched.empty() || touched.back()->id() != id) {
                auto found = connections_.find(id);
                if (found == connections_.end()) continue; // it left before its answer came
                touched.push_back(found->second);
            }
            touched.back()->on_answer(answer);
        }
        // One write for all that a commit released.
        for (auto& one : touched)
            one->pump();
    });
}

void listener::wake(std::shared_ptr<connection> which) {
    woken_.push_back(std::move(which));
    if (std::exchange(pump_posted_, true)) return;
    asio::post(io_, [this] { pump_woken(); });
}

void listener::pump_woken() {
    pump_posted_ = false;
    for (auto& each : std::exchange(woken_, {}))
        each->pump();
}

void listener::copy_counters() {
    const broker::broker_counters& from = broker_.counters();
    counters_.subscriptions = broker_.subscriptions_count();
    counters_.retained = broker_.retained_count();
    counters_.queued_bytes = broker_.queued_bytes();
    counters_.delivered = from.delivered;
    counters_.dropped_queue = from.dropped_queue;
    counters_.dropped_slow = from.dropped_slow;
    counters_.dropped_expired = from.dropped_expired;
    counters_.dropped_too_large = from.dropped_too_large;
    counters_.dropped_not_allowed = from.dropped_not_allowed;
    counters_.retained_refused = from.retained_refused;
    counters_.wills = from.wills;
    counters_.receipts = from.receipts;
}

void listener::retire(std::uint64_t id) {
    auto found = connections_.find(id);
    if (found == connections_.end()) return;
    // It may be in the middle of one of its own calls.
    asio::post(io_, [kept = std::move(found->second)] {});
    connections_.erase(found);
    counters_.connections_open = connections_.size();
}

void listener::stop(std::uint32_t wait_ms, std::function<void()> done) {
    asio::post(io_, [this, wait_ms, done = std::move(done)]() mutable {
        stopping_ = true;
        stopped_ = std::move(done);
        stop_by_ms_ = now_ms() + wait_ms;
        plain_.close();
        secure_.close();
        if (reception_ != nullptr) reception_->stop();
        finish_stop();
    });
}

// Once nothing is owed any more, or time is up: says good-bye and closes.
void listener::finish_stop() {
    const auto still_there = all();
    bool late = now_ms() >= stop_by_ms_;
    for (auto& one : still_there)
        if (one->idle() || late) one->end(mqtt::reason::server_shutting_down);
    if (late && now_ms() >= stop_by_ms_ + 1000)
        for (auto& one : still_there)
            one->abandon();
    if (connections_.empty() && stopped_) {
        broker_.flush();
        hand_over();
        timer_.cancel();
        std::exchange(stopped_, nullptr)();
    }
}

} // namespace wharf
