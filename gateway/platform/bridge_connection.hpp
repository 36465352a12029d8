// One bridge at the bridge port. The network thread only.
#pragma once

#include "gateway/bridge/host.hpp"
#include "gateway/platform/bridge_port.hpp"

#include <array>

namespace wharf {

class bridge_connection final : public std::enable_shared_from_this<bridge_connection>,
                                public bridge::host_sink {
  public:
    bridge_connection(bridge_port& owner, std::uint64_t id,
                      boost::asio::local::stream_protocol::socket socket);

    void pump();
    void tick(std::int64_t now_ms);
    void on_answer(journal_answer& answer);
    void on_room(bool room);
    // Once what it handed over has its answers.
    void end_when_idle(std::string_view why);
    void end(std::string_view why);
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::uint32_t unanswered() const { return host_.unanswered(); }

  private:
    void greeted(const wharf::v1::BridgeHello& hello) override;
    void open_session(bool fresh) override;
    void message(const wharf::v1::BridgeMessage& message) override;
    void health(const wharf::v1::BridgeHealth& health) override;
    void close(std::string_view why) override;

    void read();
    void write();
    void finish();
    void ingest(const wharf::v1::BridgeMessage& message, std::uint64_t token);
    [[nodiscard]] std::uint64_t next_token();

    bridge_port& owner_;
    const std::uint64_t id_;
    boost::asio::local::stream_protocol::socket socket_;
    bridge::host host_;
    std::string name_;      // "bridge/broker"; empty before hello
    std::string client_id_; // of its session in the journal
    bool packet_ids_not_reused_ = false;
    std::uint64_t generation_ = 0;
    std::uint64_t last_request_ = 0;
    std::unordered_map<std::uint64_t, std::uint64_t> waiting_; // our token: the bridge's
    std::string ending_;
    bool reading_ = false;
    bool writing_ = false;
    bool closing_ = false;
    bool finished_ = false;
    std::int64_t close_by_ms_ = 0;
    std::array<char, 16 * 1024> input_;
    std::string output_;
};

} // namespace wharf
