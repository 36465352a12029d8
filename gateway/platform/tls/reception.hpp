// Where devices wait until their TLS handshake is done. The calculations are made by workers; the
// network thread only carries bytes. So many handshakes are under way at once
// (limits::k_tls_handshakes_max); who comes then waits, unread and with hardly any memory, for a
// place. A flood of connections that begin and say no more gives way: whoever has been silent for
// k_tls_patience_ms goes when somebody else waits. What time a device waits for its turn is ours
// and not its own; one that has left meanwhile costs nothing. Network thread only.
#pragma once

#include "gateway/platform/tls/stream.hpp"
#include "gateway/platform/tls/turns.hpp"
#include "gateway/platform/worker_pool.hpp"
#include "gateway/ports/clock.hpp"

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

namespace wharf::tls {

struct reception_options {
    std::size_t handshakes_max = limits::k_tls_handshakes_max;
    std::uint32_t timeout_ms = limits::k_tls_handshake_timeout_ms;
    std::uint32_t turn_timeout_ms = limits::k_tls_turn_timeout_ms;
    std::uint32_t patience_ms = limits::k_tls_patience_ms;
};

struct reception_counters {
    std::atomic<std::uint64_t> full{0};
    std::atomic<std::uint64_t> resumed{0};
    std::atomic<std::uint64_t> failed{0};
    std::atomic<std::uint64_t> shed{0};      // silent while others waited
    std::atomic<std::uint64_t> timed_out{0}; // silent at all, or no turn came
};

struct reception_callbacks {
    // Of the connections by the numbers that they were taken with. Each is ready or gone, once;
    // not in or after stop().
    std::function<void(std::uint64_t, device_stream)> ready;
    std::function<void(std::uint64_t)> gone;
    // It has said its first word: from here on it waits for us.
    std::function<void(std::uint64_t)> spoke;
    std::function<void(const std::string&)> log; // at most a line a second
};

class reception {
  public:
    // REQUIRES: all three outlive it.
    reception(worker_pool& workers, clock_port& clock, spare_buffers& spares,
              reception_options options, reception_callbacks callbacks);
    ~reception(); // as stop()
    reception(const reception&) = delete;
    reception& operator=(const reception&) = delete;

    // For connections whose handshake has not begun. REQUIRES: once before the first take().
    void use(std::shared_ptr<const context> with) { context_ = std::move(with); }
    // address: what counts as one. REQUIRES: the socket does not block; no other connection that is
    // here has the number.
    void take(std::uint64_t number, std::string address, boost::asio::ip::tcp::socket from);
    // Lets go of one that has to make room for others, where it is here and has been silent indeed.
    void drop(std::uint64_t number);
    // Several times a second: lets go of who has been silent for too long.
    void tick();
    // Lets go of everybody.
    void stop();

    [[nodiscard]] std::size_t size() const { return guests_.size(); }
    [[nodiscard]] bool has(std::uint64_t number) const { return numbers_.contains(number); }
    [[nodiscard]] std::size_t under_way() const { return under_way_.size(); }
    [[nodiscard]] const reception_counters& counters() const { return counters_; }

  private:
    struct guest;
    using guest_ptr = std::shared_ptr<guest>;

    void listen(const guest_ptr& to);
    void heard(const guest_ptr& from);
    void begin(const guest_ptr& with);
    void receive(const guest_ptr& from);
    void work(const guest_ptr& on);
    void worked(const guest_ptr& on);
    void proceed(const guest_ptr& with);
    void fail(const guest_ptr& with, const std::string& why);
    void leave(const guest_ptr& who);
    void admit();
    void shed_silent();
    [[nodiscard]] bool is_late(const guest& one, std::int64_t now) const;
    void say(const std::string& text);
    [[nodiscard]] std::int64_t now_ms() const { return clock_.monotonic_us() / 1000; }

    worker_pool& workers_;
    clock_port& clock_;
    spare_buffers& spares_;
    const reception_options options_;
    const reception_callbacks callbacks_;
    std::shared_ptr<const context> context_;
    reception_counters counters_;
    std::map<std::uint64_t, guest_ptr> guests_;                // by arrival
    std::map<std::uint64_t, guest_ptr> under_way_;             // those of them that have a place
    std::unordered_map<std::uint64_t, std::uint64_t> numbers_; // arrivals
    turns turns_;
    bool admitting_ = false;
    std::uint64_t last_arrival_ = 0;
    std::int64_t said_ms_ = std::numeric_limits<std::int64_t>::min() / 2;
    std::uint64_t unsaid_ = 0;
};

} // namespace wharf::tls
