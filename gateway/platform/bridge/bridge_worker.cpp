#include "gateway/platform/bridge/bridge_worker.hpp"

#include "gateway/base/text.hpp"
#include "gateway/platform/log/log.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>

namespace wharf {

namespace asio = boost::asio;

namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t k_retry_min_ms = 50;
constexpr std::uint32_t k_retry_max_ms = 5000;
constexpr std::uint32_t k_last_words_ms = 500;
// How long a message that is handed over at the end still has.
constexpr auto k_stop_wait = std::chrono::seconds(5);

wharf::v1::BridgeMessage as_frame(const broker_message& message, bool session_present) {
    wharf::v1::BridgeMessage out;
    out.set_topic(message.topic.data(), message.topic.size());
    out.set_payload(message.payload.data(), message.payload.size());
    out.set_qos(message.qos);
    out.set_packet_id(message.packet_id);
    out.set_dup(message.dup);
    out.set_retain(message.retain);
    out.set_session_present(session_present);
    out.set_content_type(message.content_type.data(), message.content_type.size());
    for (const auto& [name, value] : message.properties) {
        auto& to = *out.add_properties();
        to.set_name(name.data(), name.size());
        to.set_value(value.data(), value.size());
    }
    return out;
}

} // namespace

bridge_worker::bridge_worker(const bridge_config& with, const site_broker_config& broker,
                             std::string password, clock_port& clock, random_port& random)
    : with_(with), broker_(broker), label_(with.name + "/" + broker.name), clock_(clock),
      random_(random), signals_(io_, SIGTERM, SIGINT), retry_(io_), tick_(io_),
      guest_({with.name, broker.name, broker.packet_ids_not_reused}, *this) {
    health_.set_since_us(clock_.wall_us());
    broker_callbacks calls;
    calls.connected = [this](bool present) {
        asio::post(io_, [this, present] {
            health_.set_connections(health_.connections() + 1);
            log::info("connected to the broker",
                      {{"broker", label_}, {"session", present ? "kept" : "new"}});
            session_present_ = present;
            guest_.on_broker_session(!present);
            write();
        });
    };
    calls.subscribed = [this] {
        asio::post(io_, [this] {
            health_.set_connected(true);
            health_.set_since_us(clock_.wall_us());
            last_broker_error_.clear();
            tell_health();
        });
    };
    calls.apart = [this](const std::string& why) {
        asio::post(io_, [this, why] {
            if (health_.connected()) health_.set_since_us(clock_.wall_us());
            health_.set_connected(false);
            health_.set_last_error(why.substr(0, limits::k_bridge_words_bytes_max));
            if (std::exchange(last_broker_error_, why) != why)
                log::warn("not connected to the broker",
                          {{"broker", label_}, {"url", broker_.url}, {"reason", why}});
            tell_health();
        });
    };
    calls.message = [this](const broker_message& message) { hand_over(message); };
    client_ =
        std::make_unique<broker_client>(broker_, std::move(password), random_, std::move(calls));
}

bridge_worker::~bridge_worker() = default;

void bridge_worker::run() {
    signals_.async_wait([this](auto failed, int) {
        if (!failed) stop();
    });
    client_->start();
    connect();
    tick();
    io_.run();
    if (stopper_.joinable()) stopper_.join();
}

// --- the socket to wharfd ------------------------------------------------------------------------

void bridge_worker::connect() {
    if (stopping_) return;
    auto socket = std::make_shared<local::socket>(io_);
    socket_ = socket;
    connecting_ = true;
    socket->async_connect(local::endpoint(with_.socket), [this, socket](auto failed) {
        if (socket != socket_) return;
        connecting_ = false;
        if (failed) return lost(with_.socket + ": " + failed.message());
        guest_.on_connected();
        write();
        read();
    });
}

void bridge_worker::read() {
    socket_->async_read_some(asio::buffer(input_),
                             [this, socket = socket_](auto failed, auto size) {
                                 if (socket != socket_) return;
                                 if (failed)
                                     return lost("the connection ended: " + failed.message());
                                 guest_.on_bytes({input_.data(), size});
                                 if (socket != socket_) return;
                                 write();
                                 read();
                             });
}

void bridge_worker::write() {
    if (writing_ || connecting_ || socket_ == nullptr || guest_.output().empty()) return;
    writing_ = true;
    output_.clear();
    output_.swap(guest_.output());
    asio::async_write(*socket_, asio::buffer(output_), [this, socket = socket_](auto failed, auto) {
        if (socket != socket_) return;
        writing_ = false;
        if (failed) return lost("the connection ended: " + failed.message());
        write();
    });
}

void bridge_worker::lost(const std::string& why) {
    boost::system::error_code ignored; // it is gone either way
    if (socket_ != nullptr) socket_->close(ignored);
    socket_ = nullptr;
    writing_ = false;
    connecting_ = false;
    guest_.on_lost();
    client_->allow(false);
    if (stopping_) return;
    if (std::exchange(last_link_error_, why) != why)
        log::warn("not connected to wharfd: nothing is taken from the broker meanwhile",
                  {{"broker", label_}, {"reason", why}});
    retry();
}

void bridge_worker::retry() {
    const std::uint32_t most = std::min(k_retry_min_ms << std::min(failures_, 10U), k_retry_max_ms);
    ++failures_;
    retry_.expires_after(milliseconds(most / 2 + random_.next() % (most / 2 + 1)));
    retry_.async_wait([this](auto aborted) {
        if (!aborted) connect();
    });
}

void bridge_worker::welcomed(const wharf::v1::BridgeWelcome& welcome) {
    failures_ = 0;
    last_link_error_.clear();
    log::info("connected to wharfd", {{"broker", label_}, {"gateway", welcome.gateway()}});
    tell_health();
}

// With no room, a connection that stands stays: what comes waits, as long as it may.
void bridge_worker::room(bool has) {
    client_->allow(has);
}

void bridge_worker::close(std::string_view why) {
    // Not from within the guest's own call.
    asio::post(io_, [this, socket = socket_, why = std::string(why)] {
        if (socket == socket_) lost(why);
    });
}

void bridge_worker::tick() {
    tick_.expires_after(milliseconds(limits::k_bridge_health_every_ms));
    tick_.async_wait([this](auto aborted) {
        if (aborted) return;
        tell_health();
        tick();
    });
}

void bridge_worker::tell_health() {
    health_.set_too_large(guest_.too_large());
    guest_.tell_health(health_);
    write();
}

// --- messages ------------------------------------------------------------------------------------

void bridge_worker::hand_over(const broker_message& message) {
    std::unique_lock lock(mutex_);
    const std::uint64_t number = ++handed_over_;
    lock.unlock();
    // The message lives as long as this call, which waits.
    asio::post(io_, [this, frame = as_frame(message, false)]() mutable {
        frame.set_session_present(session_present_);
        health_.set_messages(health_.messages() + 1);
        if (frame.dup()) health_.set_redelivered(health_.redelivered() + 1);
        if (frame.retain()) health_.set_retained(health_.retained() + 1);
        static_cast<void>(guest_.submit(std::move(frame)));
        write();
    });
    lock.lock();
    // The broker ends a connection without pings after one and a half times the keep-alive.
    const auto patience = std::chrono::seconds(broker_.keep_alive_s);
    const bool good =
        answered_.wait_for(lock, patience, [&] { return done_ >= number || leaving_; });
    if (done_ >= number) return;
    lock.unlock();
    let_go(good ? "stopping"
                : "wharfd has not taken it for " + std::to_string(broker_.keep_alive_s) + " s");
}

void bridge_worker::answered(const wharf::v1::BridgeAnswer&) {
    const std::lock_guard hold(mutex_);
    ++done_;
    answered_.notify_all();
}

// Returning would acknowledge it. The connection to the broker ends with the process, and the
// broker keeps the message for the session.
void bridge_worker::let_go(const std::string& why) {
    log::warn("a message is left with the broker; the process ends to begin anew",
              {{"broker", label_}, {"reason", why}});
    log::flush_for(k_last_words_ms);
    std::_Exit(k_exit_let_go);
}

void bridge_worker::stop() {
    if (std::exchange(stopping_, true)) return;
    // The library may wait for a callback that waits for us: on a thread of its own.
    stopper_ = std::thread([this] {
        client_->stop();
        asio::post(io_, [this] {
            guest_.say_goodbye("stopping");
            write();
            retry_.expires_after(milliseconds(100));
            retry_.async_wait([this](auto) { io_.stop(); });
        });
    });
    tick_.expires_after(k_stop_wait);
    tick_.async_wait([this](auto) {
        const std::lock_guard hold(mutex_);
        leaving_ = true;
        answered_.notify_all();
    });
}

} // namespace wharf
