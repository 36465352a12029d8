// The MQTT listener: sockets in front of the session machines, intake between them and the journal.
// Everything runs on the one thread that runs the io_context; on_answers(), on_room() and
// on_spent() may be called from any thread.
#pragma once

#include "gateway/broker/broker.hpp"
#include "gateway/ingest/intake.hpp"
#include "gateway/ingest/mqtt/session.hpp"
#include "gateway/journal/requests.hpp"
#include "gateway/platform/door.hpp"
#include "gateway/platform/tls/reception.hpp"
#include "gateway/ports/clock.hpp"
#include "gateway/ports/random.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace wharf {

struct listener_options {
    bool plain = true; // without TLS, at:
    std::string address = "127.0.0.1";
    std::uint16_t port = 1883; // 0: any free one
    // With TLS, after use_tls():
    std::string tls_address = "127.0.0.1";
    std::uint16_t tls_port = 8883; // 0: any free one
    std::size_t connections_max = limits::k_connections_default;
    mqtt::session_limits session;
    broker::broker_options broker;
};

struct listener_counters {
    std::atomic<std::uint64_t> connections_accepted{0};
    std::atomic<std::uint64_t> connections_refused{0};
    std::atomic<std::uint64_t> connections_open{0};
    std::atomic<std::uint64_t> messages_qos0{0};
    std::atomic<std::uint64_t> messages_qos1{0};
    std::atomic<std::uint64_t> messages_qos2{0};
    std::atomic<std::uint64_t> closed_by_us{0};
    // The local broker's, as of the last tick.
    std::atomic<std::uint64_t> subscriptions{0};
    std::atomic<std::uint64_t> retained{0};
    std::atomic<std::uint64_t> queued_bytes{0};
    std::atomic<std::uint64_t> delivered{0};
    std::atomic<std::uint64_t> dropped_queue{0};
    std::atomic<std::uint64_t> dropped_slow{0};
    std::atomic<std::uint64_t> dropped_expired{0};
    std::atomic<std::uint64_t> dropped_too_large{0};
    std::atomic<std::uint64_t> dropped_not_allowed{0};
    std::atomic<std::uint64_t> retained_refused{0};
    std::atomic<std::uint64_t> wills{0};
    std::atomic<std::uint64_t> receipts{0};
};

class access_desk;

struct listener_callbacks {
    // Hands requests to the journal, in order; false: no more until on_room().
    std::function<bool(std::vector<journal_request>)> submit;
    std::function<void(notice, const std::string&)> log;
    // From PUBLISH read to acknowledgement written, in microseconds.
    std::function<void(std::int64_t)> acknowledged;
    // Who may come in and how much may come; nullptr: everybody, and no bound but these options'.
    access_desk* access = nullptr;
};

class connection;

class listener {
  public:
    listener(boost::asio::io_context& on, listener_options options, intake& prepare,
             clock_port& clock, random_port& random, listener_callbacks callbacks);
    ~listener();
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    // Before start(): what the journal kept for the local broker, and journal time minus monotonic
    // time.
    status restore(local_state from, std::int64_t journal_offset_us);
    // Takes connections with TLS too. REQUIRES: before start(); the workers outlive the listener.
    void use_tls(worker_pool& workers, std::shared_ptr<const tls::context> with);
    // For connections that come from now on. Those whose certificate has been revoked end.
    void renew_tls(const std::shared_ptr<const tls::context>& with);

    // errc::io where an address cannot be listened on.
    status start();
    [[nodiscard]] std::uint16_t port() const { return plain_.port(); }      // 0: none
    [[nodiscard]] std::uint16_t tls_port() const { return secure_.port(); } // 0: none
    // Takes no more, lets what was taken be committed and acknowledged (at most wait_ms), closes.
    void stop(std::uint32_t wait_ms, std::function<void()> done);

    void on_answers(std::vector<journal_answer> answers);
    void on_room();
    // Takes what memory it can use again; any thread.
    void on_spent(std::vector<journal_request>& requests);

    [[nodiscard]] const listener_counters& counters() const { return counters_; }
    // Null without TLS.
    [[nodiscard]] const tls::reception_counters* tls_counters() const {
        return reception_ == nullptr ? nullptr : &reception_->counters();
    }

  private:
    friend class connection;
    using tcp = boost::asio::ip::tcp;

    door::callbacks door_callbacks(std::function<void(tcp::socket)> came);
    // The number of the new connection; nothing: it is closed at once.
    std::optional<std::uint64_t> admit(tcp::socket& socket);
    void greet(tcp::socket socket); // with TLS
    void settle(std::uint64_t id, tls::device_stream stream);
    // A copy: connections come and go while they are visited.
    [[nodiscard]] std::vector<std::shared_ptr<connection>> all() const;
    void tick();
    void visit_some();
    void finish_stop();

    // For connections. Requests of one turn of the loop are handed over together, at its end.
    void submit(journal_request request);
    void hand_over();
    // A message to be filled, in memory that was used before where there is some.
    [[nodiscard]] prepared_message take_spent();
    void shrink_spent();
    // What time it is in this turn of the loop: of a read that brings many messages, the same for
    // all of them.
    void look_at_clock();
    [[nodiscard]] bool may_read() const { return !stopping_; }
    [[nodiscard]] bool has_room() const { return room_; }
    // To be pumped at the end of this turn.
    void wake(std::shared_ptr<connection> which);
    void pump_woken();
    void copy_counters();
    void retire(std::uint64_t id);
    void log_closed(const connection& which, const std::string& line);
    void end_identities(const std::vector<std::string>& names);
    void guard_memory();
    [[nodiscard]] bool make_way(std::uint64_t id, const tcp::socket& newcomer);
    void clear_away(std::uint64_t id);
    [[nodiscard]] std::uint64_t next_id();
    [[nodiscard]] tls::reception_callbacks reception_calls();
    [[nodiscard]] std::int64_t now_ms() const { return clock_.monotonic_us() / 1000; }

    boost::asio::io_context& io_;
    const listener_options options_;
    clock_port& clock_;
    random_port& random_;
    const listener_callbacks callbacks_;
    door plain_;
    door secure_;
    boost::asio::steady_timer timer_;
    listener_counters counters_;
    broker::broker broker_;
    std::vector<std::shared_ptr<connection>> woken_;
    bool pump_posted_ = false;
    std::vector<journal_request> requests_;
    std::vector<journal_request> spent_;
    std::size_t spent_least_ = 0; // since the last tick
    std::mutex spent_mutex_;
    std::vector<journal_request> newly_spent_; // guarded
    bool hand_over_posted_ = false;
    bool room_ = true;
    bool stopping_ = false;
    std::int64_t stop_by_ms_ = 0;
    std::function<void()> stopped_;
    tls::spare_buffers spares_; // outlives every connection
    std::unique_ptr<tls::reception> reception_;
    std::uint64_t last_id_ = 0;
    std::array<char, limits::k_socket_read_bytes> input_; // what a connection reads, in its turn
    // Looked up, and visited where order does not show.
    std::unordered_map<std::uint64_t, std::shared_ptr<connection>> connections_;
    std::vector<std::shared_ptr<connection>> to_visit_; // what is left of the last tick
};

} // namespace wharf
