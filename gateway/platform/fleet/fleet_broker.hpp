// A connection to the fleet broker that is kept up, with back-off: MQTT 5, or 3.1.1 where the
// broker knows no other; QoS 1; a session that outlives it; a will. The library has a thread of its
// own, because its calls may wait. What the broker sends beyond limits::k_fleet_messages_* is
// dropped. Everything is called on the io_context's thread and the callbacks run there.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/config/config.hpp"
#include "gateway/ports/random.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace wharf {

struct fleet_broker_callbacks {
    // Subscribed: from here on publish() reaches the broker.
    std::function<void()> up;
    // Not connected, or not any more, and why; empty: reconnect(). The next try comes by itself.
    std::function<void(const std::string& why)> down;
    std::function<void(std::string payload)> message;
    // publish() with this number is with the broker.
    std::function<void(std::uint64_t number)> delivered;
    // The broker refused it.
    std::function<void(std::uint64_t number)> failed;
};

class fleet_broker {
  public:
    // `subscribe`: the one topic it listens to.
    fleet_broker(boost::asio::io_context& io, fleet_config with, std::string password,
                 std::string subscribe, random_port& random, fleet_broker_callbacks callbacks);
    ~fleet_broker(); // as stop(0)
    fleet_broker(const fleet_broker&) = delete;
    fleet_broker& operator=(const fleet_broker&) = delete;

    // Once. Before each connection `will` is asked for what the broker says, retained, under this
    // topic when the gateway is gone.
    void start(std::string will_topic, std::function<std::string()> will);
    // QoS 1. number 0: nobody wants to hear that it is delivered. False: there is no connection, or
    // too much is under way on it.
    bool publish(const std::string& topic, const std::string& payload, bool retained,
                 std::uint64_t number);
    // Anew and at once: with another last word, with what the files hold by now.
    void reconnect();
    // Waits for at most so long until what is under way is with the broker.
    void stop(std::uint32_t wait_ms);

  private:
    class state;
    class attempt;
    struct way;
    std::shared_ptr<state> state_;
};

} // namespace wharf
