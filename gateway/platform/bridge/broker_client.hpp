// A connection to one broker that is kept up: QoS 1, a session that outlives it, no persistence of
// the library's own. A thread of its own connects, with back-off; the callbacks run on it or on the
// library's threads.
#pragma once

#include "gateway/config/bridge.hpp"
#include "gateway/ports/random.hpp"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace wharf {

struct broker_message {
    std::string_view topic;
    std::string_view payload;
    std::uint32_t qos = 0;
    std::uint32_t packet_id = 0;
    bool dup = false;
    bool retain = false;
    std::string_view content_type = {};
    std::vector<std::pair<std::string_view, std::string_view>> properties = {};
};

struct broker_callbacks {
    // The broker took the connection; before its first message.
    std::function<void(bool session_present)> connected;
    // It is subscribed to everything: nothing more is to be done.
    std::function<void()> subscribed;
    // Not connected, or not any more, and why. The next try comes by itself.
    std::function<void(const std::string& why)> apart;
    // The message is acknowledged when this returns. No other message comes meanwhile, no ping
    // goes out, and what is called here has to wait.
    std::function<void(const broker_message&)> message;
};

class broker_client {
  public:
    // password: empty for none.
    broker_client(site_broker_config with, std::string password, random_port& random,
                  broker_callbacks callbacks);
    ~broker_client();
    broker_client(const broker_client&) = delete;
    broker_client& operator=(const broker_client&) = delete;

    void start();
    // Whether a connection may be made; one that stands stays.
    void allow(bool may);
    // Says DISCONNECT where there is a connection, and ends. Waits for a callback that is running.
    void stop();

  private:
    class connection; // what the library knows of
    enum class state : std::uint8_t { apart, connecting, up, lost };

    void run();
    void now(state next);
    [[nodiscard]] std::uint32_t pause_ms();

    const site_broker_config with_;
    const std::string password_;
    random_port& random_;
    const broker_callbacks callbacks_;

    std::mutex mutex_;
    std::condition_variable changed_;
    state state_ = state::apart; // guarded, with what follows
    bool allowed_ = false;
    bool stopping_ = false;
    std::string why_;

    unsigned failures_ = 0; // of the thread alone
    std::thread thread_;
};

} // namespace wharf
