// The bridge's end of its connection to wharfd, without a socket, over as many connections as it
// takes: messages that were handed to it and have no answer yet are sent again over the next one,
// marked so. One thread.
#pragma once

#include "gateway/bridge/frames.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace wharf::bridge {

struct guest_options {
    std::string bridge;
    std::string broker;
    bool packet_ids_not_reused = false;
};

// Calls that a guest makes from within its own.
class guest_sink {
  public:
    virtual void welcomed(const wharf::v1::BridgeWelcome& welcome) = 0;
    // Whether wharfd's journal has room for messages.
    virtual void room(bool has) = 0;
    // What became of the message is on wharfd's disk.
    virtual void answered(const wharf::v1::BridgeAnswer& answer) = 0;
    // The connection is of no use any more; next comes on_lost().
    virtual void close(std::string_view why) = 0;

  protected:
    ~guest_sink() = default;
};

class guest {
  public:
    guest(guest_options options, guest_sink& sink) : options_(std::move(options)), sink_(sink) {}

    // A connection to wharfd stands / is gone.
    void on_connected();
    void on_lost();
    void on_bytes(std::string_view bytes);

    // The broker took the connection. fresh: it knew no session of ours. What comes from the broker
    // afterwards is handed over afterwards.
    void on_broker_session(bool fresh);
    // The token of its answer. At most limits::k_bridge_window_max wait at a time.
    std::uint64_t submit(wharf::v1::BridgeMessage message);
    void tell_health(const wharf::v1::BridgeHealth& health);
    void say_goodbye(std::string_view reason);

    [[nodiscard]] bool attached() const noexcept { return state_ > state::greeting; }
    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
    // Messages whose beginning alone was handed over, because wharfd takes no such size.
    [[nodiscard]] std::uint64_t too_large() const noexcept { return too_large_; }
    [[nodiscard]] std::string& output() noexcept { return output_; }

  private:
    enum class state : std::uint8_t { apart, greeting, attached, opening, open };
    struct waiting_message {
        wharf::v1::BridgeMessage content;
        bool sent = false; // over this connection
        bool cut = false;
    };

    void take(const wharf::v1::BridgeFrame& frame);
    void take(const wharf::v1::BridgeWelcome& welcome);
    void take(const wharf::v1::BridgeAnswer& answer);
    void open_session();
    void send_waiting();
    void send(waiting_message& message);
    void give_up(std::string_view why);

    const guest_options options_;
    guest_sink& sink_;
    frame_reader reader_;
    std::string output_;
    state state_ = state::apart;
    bool has_session_ = false; // the broker took us, some time
    bool fresh_ = false;       // wharfd does not know yet that the broker began anew
    bool asked_fresh_ = false; // what the session that is being opened says
    bool broken_ = false;
    std::uint32_t window_ = 0;
    std::uint32_t payload_bytes_max_ = 0;
    std::uint32_t in_flight_ = 0;
    std::uint64_t last_token_ = 0;
    std::uint64_t too_large_ = 0;
    std::deque<waiting_message> waiting_; // oldest first
};

} // namespace wharf::bridge
