// The bridge port: a local socket where wharf-bridge hands over the messages of other brokers, one
// connection per bridge and broker. What it does with a message is what the listener does: intake,
// the journal, and an answer only after the commit. Everything runs on the thread of the
// io_context; on_answers(), on_room() and on_space() may be called from any thread.
#pragma once

#include "gateway/ingest/intake.hpp"
#include "gateway/journal/requests.hpp"
#include "gateway/ports/clock.hpp"
#include "wharf/v1/bridge.pb.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace wharf {

struct bridge_port_options {
    std::string socket;
    std::string gateway;
    std::uint32_t payload_bytes_max = limits::k_packet_bytes_default;
    std::vector<std::string> expected; // "bridge/broker"
};

struct bridge_port_callbacks {
    // Hands requests to the journal, in order; false: no more until on_room().
    std::function<bool(std::vector<journal_request>)> submit;
    std::function<void(bool warning, const std::string&)> log;
};

// Of one name, whether it is there or not.
struct bridge_status {
    std::string name; // "bridge/broker"
    bool attached = false;
    std::int64_t changed_us = 0; // monotonic; 0: it has never been there
    std::uint64_t messages = 0;
    std::uint64_t attachments = 0;
    std::uint32_t unanswered = 0;
    std::uint64_t accepted = 0;
    std::uint64_t duplicate = 0;
    std::uint64_t quarantined = 0;
    std::optional<wharf::v1::BridgeHealth> health;
};

class bridge_connection;

class bridge_port {
  public:
    bridge_port(boost::asio::io_context& on, bridge_port_options options, intake& prepare,
                clock_port& clock, bridge_port_callbacks callbacks);
    ~bridge_port();
    bridge_port(const bridge_port&) = delete;
    bridge_port& operator=(const bridge_port&) = delete;

    status start();
    // Takes no more; connections end once they have their answers, and after so long without. The
    // socket's name goes at once.
    void stop(std::uint32_t wait_ms);
    // After stop(): nobody is owed an answer any more.
    [[nodiscard]] bool idle() const { return connections_.empty(); }

    // Those whose tokens are ours: see owns().
    void on_answers(std::vector<journal_answer> answers);
    void on_room();
    void on_space(bool full);
    // Whether an answer is for the port: the listener's tokens are larger.
    [[nodiscard]] static bool owns(std::uint64_t token) { return token >> k_port_token_bits == 0; }

    // By name. The network thread only.
    [[nodiscard]] std::vector<bridge_status> statuses() const;

  private:
    friend class bridge_connection;
    using local = boost::asio::local::stream_protocol;
    // Below the tokens of the listener's connections, of which none has the number 0.
    static constexpr unsigned k_port_token_bits = 40;
    static constexpr unsigned k_request_token_bits = 24;

    void accept();
    void accepted(local::socket socket);
    void tick();
    void end_all();
    void tell_room();
    [[nodiscard]] bool has_room() const { return room_ && !full_; }

    // For connections.
    void submit(journal_request request);
    [[nodiscard]] bool attach(const std::string& name, bridge_connection* by);
    void retire(std::uint64_t id);
    [[nodiscard]] bridge_status& status_of(const std::string& name);

    boost::asio::io_context& io_;
    const bridge_port_options options_;
    intake& intake_;
    clock_port& clock_;
    const bridge_port_callbacks callbacks_;
    local::acceptor acceptor_;
    boost::asio::steady_timer timer_;
    boost::asio::steady_timer retry_;
    bool room_ = true;
    bool full_ = false;
    bool stopping_ = false;
    std::int64_t stop_by_ms_ = 0;
    bool listening_ = false;
    std::uint64_t last_id_ = 0;
    std::map<std::uint64_t, std::shared_ptr<bridge_connection>> connections_;
    std::map<std::string, bridge_connection*> by_name_;
    std::map<std::string, bridge_status> statuses_;
};

} // namespace wharf
