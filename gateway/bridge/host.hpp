// wharfd's end of one connection to the bridge port, without a socket. One thread; what breaks the
// protocol ends the connection with words for both sides.
//
//     bridge: hello                     wharfd: welcome, or bye
//     bridge: session                   wharfd: opened, once the journal has it
//     bridge: message, message ...      wharfd: answer to each, once it is on disk; room
//     bridge: health, now and then
#pragma once

#include "gateway/bridge/frames.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace wharf::bridge {

struct host_options {
    std::string gateway;
    std::uint32_t payload_bytes_max = 0;
    std::uint32_t window = 0;
};

// Calls that a host makes from within its own.
class host_sink {
  public:
    // Its names are good. Where it may not come in: end().
    virtual void greeted(const wharf::v1::BridgeHello& hello) = 0;
    // Asks for on_opened().
    virtual void open_session(bool fresh) = 0;
    // Asks for on_answer() with its token. Valid during the call.
    virtual void message(const wharf::v1::BridgeMessage& message) = 0;
    virtual void health(const wharf::v1::BridgeHealth& health) = 0;
    // Nothing more is read; what is in the output is still to be written. Once. Empty words: the
    // bridge said good-bye itself.
    virtual void close(std::string_view why) = 0;

  protected:
    ~host_sink() = default;
};

class host {
  public:
    host(host_options options, host_sink& sink, bool room, std::int64_t now_ms)
        : options_(std::move(options)), sink_(sink), room_(room), began_ms_(now_ms) {}

    void on_bytes(std::string_view bytes);
    void on_opened(bool refused);
    void on_answer(const wharf::v1::BridgeAnswer& answer);
    // Whether messages are taken. Without room one waits where it is, and no more are read.
    void on_room(bool room);
    // A connection that does not say who it is ends.
    void on_tick(std::int64_t now_ms);
    void end(std::string_view why);

    [[nodiscard]] bool wants_bytes() const noexcept { return !closed_ && !holds_message_; }
    [[nodiscard]] bool attached() const noexcept { return state_ != state::greeting; }
    [[nodiscard]] std::uint32_t unanswered() const noexcept { return unanswered_; }
    // To be written; the one who writes takes it out.
    [[nodiscard]] std::string& output() noexcept { return output_; }

  private:
    enum class state : std::uint8_t { greeting, attached, opening, open };

    void read();
    void take(const wharf::v1::BridgeFrame& frame);
    void take(const wharf::v1::BridgeHello& hello);
    void take(const wharf::v1::BridgeSession& session);
    void take(const wharf::v1::BridgeMessage& message);
    void close(std::string_view why);

    const host_options options_;
    host_sink& sink_;
    frame_reader reader_;
    wharf::v1::BridgeFrame frame_; // the last one that was read
    std::string output_;
    state state_ = state::greeting;
    bool room_;
    bool closed_ = false;
    bool holds_message_ = false; // in frame_
    bool reading_ = false;
    std::uint32_t unanswered_ = 0;
    const std::int64_t began_ms_;
};

} // namespace wharf::bridge
