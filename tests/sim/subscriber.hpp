// A simulated consumer: an MQTT client that subscribes, acknowledges late and in the order that the
// standard asks for, goes away and comes back. It checks what a receiver can check: what is
// delivered, how often, in which order, under which packet identifiers, and a Session Present that
// is true. One thread.
#pragma once

#include "tests/sim/local_watch.hpp"
#include "tests/sim/session_book.hpp"
#include "tests/sim/wire.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace wharf::sim {

class sim_subscriber final : public link_end {
  public:
    struct wanted {
        std::string filter;
        std::uint8_t qos = 1;
    };
    // What came with QoS 1 or 2 and is not acknowledged to its end.
    struct unacknowledged {
        std::string topic;
        std::string payload;
        std::uint8_t qos = 1;
        bool recorded = false; // QoS 2: its PUBREC was sent
        bool expires = false;
    };

    sim_subscriber(world& in, const plan& with, harbour& at, local_watch& watch, std::size_t number,
                   std::uint64_t& link_ids);
    // One that comes at the end, to see what is retained.
    struct fresh {};
    sim_subscriber(world& in, const plan& with, harbour& at, local_watch& watch, fresh,
                   std::uint64_t& link_ids);

    void begin(std::int64_t after_us);
    // From now on nothing goes wrong by itself, and it stays.
    void heal();
    // The network's doing.
    void cut();
    void fall_silent();
    // It has its subscriptions, and nothing came for a while.
    [[nodiscard]] bool settled() const;
    [[nodiscard]] std::string describe() const;
    // Something has to come for it yet; what expired at QoS 1 may not come again.
    [[nodiscard]] bool is_owed() const;

    // A device put this message on its link for the first time.
    void expect(std::size_t which);
    // A device leaves this will.
    void expect_will(std::size_t which);
    // What must have come has come.
    void check_end() const;
    // What the broker may not forget: by packet identifier.
    [[nodiscard]] const std::map<std::uint16_t, unacknowledged>& owed() const { return owed_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] int version() const { return version_; }
    [[nodiscard]] bool has_session() const { return book_.is_kept(heard_us_); }
    [[nodiscard]] bool session_is_certain() const { return book_.is_certain() && !unsure_; }
    // Confirmed and not given up.
    [[nodiscard]] const std::map<std::string, std::uint8_t>& held() const { return held_; }
    // By topic, as delivered with the RETAIN flag last.
    [[nodiscard]] const std::map<std::string, std::string>& retained() const { return retained_; }

    void arrived(link& on, std::string_view bytes) override;
    void ended(link& on) override;

  private:
    enum class state { offline, connecting, online };
    struct asked {
        std::size_t which = 0;
        bool subscribes = true;
        std::uint8_t qos = 0;
        bool piled_up = false; // before the answer to another one about this filter
    };

    void connect_later(std::int64_t after_us);
    void connect();
    void open(const std::shared_ptr<link>& on);
    void leave(std::int64_t for_us);
    void look(std::uint64_t connection);
    bool keep_alive();
    void renew();
    void ask(std::size_t which, bool subscribes);
    [[nodiscard]] bool is_asking(std::size_t which) const;
    void give_up_filter(const wanted& what);
    void begin_session();
    void on_packet(const wire::answer& packet);
    void on_connack(const wire::answer& packet);
    void on_suback(const wire::answer& packet);
    void on_publish(const wire::answer& packet);
    void on_pubrel(const wire::answer& packet);
    void take(const wire::answer& packet, bool is_new);
    void take_retained(std::size_t which, bool is_new);
    void take_will(const wire::answer& packet, std::size_t which, bool is_new);
    void check_order(const message& what, std::size_t which);
    void later(wire::kind what, std::uint16_t packet_id);
    void acknowledge(wire::kind what, std::uint16_t packet_id);
    void send(std::string bytes);
    // The best of those that were confirmed; nothing where none fits.
    [[nodiscard]] bool holds(const std::string& topic, std::uint8_t qos_min) const;
    [[nodiscard]] bool is_journaled() const { return expiry_s_ > 0 && !(version_ == 4 && clean_); }
    [[nodiscard]] std::string who() const { return "subscriber " + name_; }

    world& world_;
    const plan& plan_;
    harbour& harbour_;
    local_watch& watch_;
    std::uint64_t& link_ids_;
    prng random_;
    const std::size_t number_ = 1000; // of a newcomer
    const std::string name_;
    int version_ = 5;
    std::uint32_t expiry_s_ = 0;
    std::uint16_t keep_alive_s_ = 10;
    std::uint16_t receive_maximum_ = 0;
    std::int64_t ack_delay_us_ = 0;
    std::vector<wanted> wants_;
    session_book book_;

    state state_ = state::offline;
    std::shared_ptr<link> link_;
    std::uint64_t connection_ = 0; // counts them
    bool waiting_to_connect_ = false;
    bool clean_ = false;
    bool asked_ = false; // its CONNECT was sent
    bool healed_ = false;
    std::string input_;
    std::int64_t heard_us_ = 0;
    std::int64_t sent_us_ = 0;
    std::int64_t waiting_us_ = 0; // since when an answer is due
    std::int64_t changed_us_ = 0; // when something came, or it connected
    std::uint32_t failures_ = 0;
    std::map<std::uint16_t, asked> asking_; // SUBSCRIBE and UNSUBSCRIBE without an answer
    std::uint16_t last_asking_ = 0;
    std::set<std::uint16_t> in_flight_;         // on this connection
    std::map<wire::kind, std::int64_t> ack_us_; // when the last one of this kind leaves

    // Of the session. unsure_: a clean start that nobody answered may have ended it.
    bool unsure_ = false;
    std::map<std::string, std::uint8_t> held_;
    std::map<std::uint16_t, unacknowledged> owed_;
    std::set<std::uint16_t> recorded_;               // every PUBREC of it
    std::map<std::size_t, std::uint32_t> times_new_; // by message
    std::map<std::size_t, std::uint32_t> times_retained_;
    std::set<std::size_t> expected_;                                      // and not come yet
    std::map<std::pair<std::string, std::uint8_t>, std::size_t> last_on_; // by topic and QoS
    std::map<std::size_t, std::uint32_t> times_will_;
    std::set<std::size_t> expected_wills_; // and not come yet

    std::map<std::string, std::uint32_t> times_subscribed_; // by filter
    std::map<std::string, std::string> retained_;
};

} // namespace wharf::sim
