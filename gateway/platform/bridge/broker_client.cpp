#include "gateway/platform/bridge/broker_client.hpp"

#include "gateway/platform/bridge/paho_connection.hpp"

#include <algorithm>
#include <chrono>

namespace wharf {

namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t k_disconnect_ms = 1000;
constexpr auto k_settled = std::chrono::seconds(30);

} // namespace

// Keeps the library's part together with what it calls.
class broker_client::connection {
  public:
    explicit connection(broker_client& owner)
        : calls_{[&owner](bool present) { owner.callbacks_.connected(present); },
                 [&owner] {
                     owner.now(state::up);
                     owner.callbacks_.subscribed();
                 },
                 [&owner](const std::string& why) {
                     const std::lock_guard hold(owner.mutex_);
                     owner.state_ = state::lost;
                     owner.why_ = why;
                     owner.changed_.notify_all();
                 },
                 owner.callbacks_.message},
          library(owner.with_, owner.password_, calls_) {}

  private:
    const paho_callbacks calls_;

  public:
    paho_connection library;
};

broker_client::broker_client(site_broker_config with, std::string password, random_port& random,
                             broker_callbacks callbacks)
    : with_(std::move(with)), password_(std::move(password)), random_(random),
      callbacks_(std::move(callbacks)) {}

broker_client::~broker_client() {
    stop();
}

void broker_client::start() {
    thread_ = std::thread([this] { run(); });
}

void broker_client::allow(bool may) {
    const std::lock_guard hold(mutex_);
    allowed_ = may;
    changed_.notify_all();
}

void broker_client::stop() {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard hold(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    thread_.join();
}

void broker_client::now(state next) {
    const std::lock_guard hold(mutex_);
    if (state_ != state::lost) state_ = next;
    changed_.notify_all();
}

// Doubled with each failure, and between a half and all of it.
std::uint32_t broker_client::pause_ms() {
    const std::uint64_t doubled = std::uint64_t{with_.backoff_min_ms} << std::min(failures_, 20U);
    const auto most = std::min<std::uint64_t>(doubled, with_.backoff_max_ms);
    return static_cast<std::uint32_t>(most / 2 + random_.next() % (most / 2 + 1));
}

void broker_client::run() {
    connection it(*this);
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        changed_.wait(lock, [this] { return stopping_ || allowed_; });
        if (stopping_) break;
        state_ = state::connecting;
        lock.unlock();
        const auto begun = std::chrono::steady_clock::now();
        auto connecting = it.library.connect();
        lock.lock();
        if (!connecting.ok()) {
            state_ = state::lost;
            why_ = connecting.failure().message;
        }
        changed_.wait(lock, [this] { return stopping_ || state_ == state::lost; });
        lock.unlock();
        it.library.disconnect(k_disconnect_ms);
        lock.lock();
        const std::string why = std::exchange(why_, {});
        const bool stopped = stopping_;
        lock.unlock();
        if (!stopped) callbacks_.apart(why);
        lock.lock();
        failures_ = std::chrono::steady_clock::now() - begun > k_settled ? 0 : failures_ + 1;
        changed_.wait_for(lock, milliseconds(pause_ms()), [this] { return stopping_; });
    }
    lock.unlock();
    it.library.disconnect(k_disconnect_ms);
}

} // namespace wharf
