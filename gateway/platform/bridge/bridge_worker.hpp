// One broker of wharf-bridge, joined to wharfd's bridge port: what a process of its own runs. The
// thread of run() owns the socket to wharfd and never calls the broker's library; that one's
// threads wait in hand_over() until wharfd has the message on disk.
#pragma once

#include "gateway/bridge/guest.hpp"
#include "gateway/config/bridge.hpp"
#include "gateway/platform/bridge/broker_client.hpp"
#include "gateway/ports/clock.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace wharf {

// The message that waits is not acknowledged, because the process ends without leaving the
// library's callback: sysexits.h, EX_TEMPFAIL. Whoever supervises starts it again.
inline constexpr int k_exit_let_go = 75;

class bridge_worker final : public bridge::guest_sink {
  public:
    bridge_worker(const bridge_config& with, const site_broker_config& broker, std::string password,
                  clock_port& clock, random_port& random);
    ~bridge_worker();

    // Until SIGTERM or SIGINT. Does not return where a message had to be let go.
    void run();

  private:
    using local = boost::asio::local::stream_protocol;

    // What the guest asks for.
    void welcomed(const wharf::v1::BridgeWelcome& welcome) override;
    void room(bool has) override;
    void answered(const wharf::v1::BridgeAnswer& answer) override;
    void close(std::string_view why) override;

    void connect();
    void read();
    void write();
    void lost(const std::string& why);
    void retry();
    void tick();
    void tell_health();
    void stop();

    // On the library's threads.
    void hand_over(const broker_message& message);
    [[noreturn]] void let_go(const std::string& why);

    const bridge_config& with_;
    const site_broker_config& broker_;
    const std::string label_; // "bridge/broker"
    clock_port& clock_;
    random_port& random_;
    boost::asio::io_context io_;
    boost::asio::signal_set signals_;
    boost::asio::steady_timer retry_;
    boost::asio::steady_timer tick_;
    std::shared_ptr<local::socket> socket_; // one per connection: what is late knows its own
    bridge::guest guest_;
    wharf::v1::BridgeHealth health_;
    std::string last_link_error_;
    std::string last_broker_error_;
    bool connecting_ = false;
    bool writing_ = false;
    bool stopping_ = false;
    bool session_present_ = false;
    unsigned failures_ = 0;
    std::array<char, 16 * 1024> input_;
    std::string output_;

    std::mutex mutex_;
    std::condition_variable answered_;
    std::uint64_t handed_over_ = 0; // guarded, with what follows; messages since the start
    std::uint64_t done_ = 0;        // how many of them wharfd has answered
    bool leaving_ = false;

    std::unique_ptr<broker_client> client_;
    std::thread stopper_;
};

} // namespace wharf
