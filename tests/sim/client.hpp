// A simulated device: an MQTT client that keeps what is not acknowledged and sends it again, as the
// standard says. It checks what a client can check: acknowledgements in order and for what was
// sent, and a Session Present that is true. One thread.
#pragma once

#include "tests/sim/events.hpp"
#include "tests/sim/session_book.hpp"
#include "tests/sim/wire.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace wharf::sim {

class sim_client final : public link_end {
  public:
    sim_client(world& in, const plan& with, harbour& at, std::size_t number,
               std::vector<message>& messages, std::uint64_t& link_ids);

    // It has something to tell.
    void produce(std::size_t which);
    // From now on nothing goes wrong by itself.
    void heal() { healed_ = true; }
    // The network's doing.
    void cut();
    void fall_silent();
    [[nodiscard]] bool done() const { return outbox_.empty() && flights_.empty(); }
    // Leaves when it has nothing more to tell.
    void leave_when_done();
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] bool has_session() const { return session_->is_kept(heard_us_); }
    [[nodiscard]] std::size_t in_flight() const { return flights_.size(); }

    void arrived(link& on, std::string_view bytes) override;
    void ended(link& on) override;

  private:
    enum class state { offline, connecting, online };
    struct flight {
        std::uint16_t packet_id = 0;
        std::size_t which = 0;
        bool received = false; // QoS 2: PUBREC came
        bool sent = false;     // on this link
    };

    void connect();
    void connect_later();
    void open(const std::shared_ptr<link>& on);
    void leave();
    void watch(std::uint64_t connection);
    void on_connack(const wire::answer& answer);
    void on_answer(const wire::answer& answer);
    void on_received(const wire::answer& answer);
    void check_order(const wire::answer& answer);
    void pump();
    void send(flight& one, bool dup);
    void send_again(flight& one, bool may_be_new);
    void send(std::string bytes);
    std::uint16_t free_packet_id();
    [[nodiscard]] std::string who() const { return "client " + name_; }

    world& world_;
    const plan& plan_;
    harbour& harbour_;
    std::vector<message>& messages_;
    std::uint64_t& link_ids_;
    prng random_;
    const std::string name_;
    int version_ = 4;
    bool persistent_ = false;
    bool sleepy_ = false; // disconnects when it has nothing to tell
    bool aliases_ = false;
    std::uint32_t expiry_s_ = 0;
    std::uint16_t keep_alive_s_ = 30;
    std::int64_t release_after_us_ = 0; // at most, between PUBREC and PUBREL
    std::size_t window_ = 1;
    std::uint16_t packet_ids_ = 65535;

    state state_ = state::offline;
    std::shared_ptr<link> link_;
    std::uint64_t connection_ = 0; // counts them
    bool waiting_to_connect_ = false;
    bool clean_start_ = false;
    bool leaving_ = false;
    bool healed_ = false;
    std::string input_;
    std::size_t allowed_ = 65535;
    std::int64_t heard_us_ = 0;
    std::int64_t sent_us_ = 0;
    std::int64_t waiting_us_ = 0; // since when something is owed to it
    std::uint32_t failures_ = 0;
    bool asked_ = false;                  // on this connection
    std::optional<session_book> session_; // made with the first connection
    std::size_t will_ = 0;                // of this connection

    std::deque<std::size_t> outbox_;
    std::deque<flight> flights_;     // in the order of their first PUBLISH
    std::deque<std::uint16_t> owed_; // packet ids whose PUBACK or PUBREC is due, in order
    std::map<std::string, std::uint16_t> aliased_; // on this link
    std::uint16_t last_packet_id_ = 0;
};

} // namespace wharf::sim
