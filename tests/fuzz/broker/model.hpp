// What the clients know of a broker and may expect of it, by the standard and by the promises of
// docs/formats/mqtt.md, without a look at the broker itself.
#pragma once

#include "tests/fuzz/broker/packets.hpp"

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace wharf::fuzz {

using tick = std::uint64_t; // the order of what happens
inline constexpr tick k_never = std::numeric_limits<tick>::max();

// A message that somebody sends, or leaves as a will.
struct record {
    std::size_t number = 0; // its payload begins with it, or is empty
    std::string topic, payload;
    unsigned qos = 0;
    bool retain = false;
    bool is_will = false;
    properties more;
    std::string from; // client identifier
    std::uint64_t connection = 0;
    tick sent = 0;
    unsigned sends = 0;
    bool maybe_nothing = false; // its identifier was in use, or its commit's outcome is unknown
    tick taken = 0;             // handed to the journal
    std::int64_t taken_us = 0;
    bool not_retained = false; // there was no room, and that was counted
    tick committed = 0;
    bool is_due = false;     // a will whose connection ended without a good-bye
    bool taken_back = false; // a will whose client said good-bye
};

struct subscription {
    std::string filter;
    unsigned qos = 0;
    bool no_local = false;
    std::uint32_t identifier = 0;
    std::uint64_t connection = 0;
    tick since = 0;       // sent
    tick stands = 0;      // its SUBACK was seen, and nothing was sent that changes it
    tick until = k_never; // its UNSUBACK was seen
};

// What a client holds of its session.
struct session {
    struct awaited {
        std::size_t number = 0;
        unsigned qos = 0;
        bool received = false; // PUBREC sent
        std::uint64_t connection = 0;
    };
    struct publishing {
        std::size_t number = 0;
        std::uint64_t connection = 0;
        bool released = false;
    };

    std::vector<subscription> subscriptions;
    std::map<unsigned, awaited> awaiting;     // by packet identifier
    std::set<unsigned> releasing;             // PUBREL seen, PUBCOMP not sent
    std::map<unsigned, publishing> own;       // QoS 2 that it sends
    std::map<std::size_t, unsigned> firsts;   // PUBLISHes without DUP, by message
    std::map<std::size_t, unsigned> exactly;  // of QoS 2, what was taken for new
    std::set<std::size_t> seen, expected;     // messages
    std::map<std::string, std::size_t> order; // the newest of a publisher and a topic
    bool careless = false;                    // it acknowledged what it was not sent
    bool bounded = false;                     // it has had a Maximum Packet Size
    bool certain = false;                     // it is there, for so long:
    std::uint32_t expiry_s = 0;
    std::int64_t alive_until_us = 0;
    std::uint64_t connected = 0;
    std::uint64_t ends_with = 0;  // a connection that it does not outlive, answered or not
    std::size_t delayed_will = 0; // that a connection in time takes back
};

struct connection {
    std::uint64_t id = 0;
    std::string client_id;
    unsigned version = 5;
    bool clean = false;
    std::uint32_t expiry_s = 0;
    std::uint32_t good_bye_expiry_s = 0xffffffff; // its DISCONNECT's
    unsigned inflight_max = 65'535;
    std::size_t packet_max = 0;
    unsigned aliases_max = 0;
    std::size_t will = 0;
    std::uint32_t will_delay_s = 0;

    bool answered = false; // CONNACK
    bool opened = false;
    bool stale = false; // its client has made another one and does not listen any more
    bool said_good_bye = false;
    std::string from_server;
    std::map<unsigned, std::string> aliases; // from the server
    std::set<unsigned> inflight;
    struct owed {
        unsigned type, packet_id;
        std::size_t number;
    };
    std::deque<owed> acks; // PUBACK, PUBREC and PUBCOMP, in their order
    std::vector<std::pair<unsigned, std::vector<std::size_t>>> subscribing; // places in the session
    struct going {
        unsigned packet_id;
        tick sent;
        std::vector<std::string> filters;
    };
    std::vector<going> unsubscribing;
    std::deque<std::size_t> nameless; // records without a number in their payload, not yet taken
};

class model {
  public:
    // Bytes that nobody knows were sent: from here on only the form of what is said is judged.
    void anything_goes() { wild_ = true; }
    [[nodiscard]] bool is_wild() const { return wild_; }
    // Sessions belong to somebody, and are lost to others.
    void may_lose_sessions() { loses_sessions_ = true; }

    // What clients do.
    record& make_record(record what);
    void connecting(connection& by, std::int64_t now_us);
    void publishing(connection& by, record& what, unsigned packet_id);
    void acknowledging(connection& by, unsigned type, unsigned packet_id, unsigned code);
    void subscribing(connection& by, unsigned packet_id, std::vector<subscription> what);
    void unsubscribing(connection& by, unsigned packet_id, std::vector<std::string> filters);
    void saying_good_bye(connection& by, unsigned code, const std::uint32_t* expiry_s);
    // The connection is over; by_good_bye: the server has read the DISCONNECT.
    void ended(connection& which, std::int64_t now_us, bool by_good_bye);
    // What the server says. Returns the packets that are complete.
    std::vector<said> hear(connection& by, std::string_view bytes, std::int64_t now_us);

    // What the journal does.
    // A message of a connection, or a will (nullptr). 0: none that was made here.
    std::size_t taken(connection* by, std::string_view topic, std::string_view payload,
                      std::int64_t now_us, bool not_retained);
    void committed(std::size_t number);
    void in_doubt(std::size_t number);
    void restarted(std::int64_t committed_us);

    [[nodiscard]] session& session_of(const std::string& client_id) { return sessions_[client_id]; }
    [[nodiscard]] const std::map<std::string, session>& sessions() const { return sessions_; }
    [[nodiscard]] record& at(std::size_t number) { return records_.at(number - 1); }
    [[nodiscard]] std::uint64_t publishes_heard() const { return publishes_heard_; }
    void asks_receipts(const std::string& topic) { receipt_topics_.insert(topic); }

    // At the end.
    void check_retained(const std::map<std::string, std::string>& seen, std::int64_t now_us) const;
    [[nodiscard]] std::size_t missing() const;
    void check_wills() const;

  private:
    void heard_connack(connection& by, const said& what, std::int64_t now_us);
    void heard_publish(connection& by, said& what);
    void heard_acknowledgement(connection& by, const said& what);
    void heard_pubrel(connection& by, const said& what);
    void heard_suback(connection& by, const said& what);
    void check_content(connection& by, const said& what, const record& of);
    void check_subscribed(connection& by, const said& what, const record& of);
    void check_identifier(connection& by, session& in, const said& what, std::size_t number);
    void check_order(session& in, const said& what, const record& of);
    void expect_delivery(const record& of);
    static void forget(session& what);

    tick now_ = 0;
    bool wild_ = false;
    bool loses_sessions_ = false;
    bool restarted_ = false;
    std::deque<record> records_;
    std::map<std::string, session> sessions_;
    std::set<std::string> receipt_topics_;
    struct kept {
        std::size_t number;
        std::int64_t expires_us; // 0: never
    };
    std::map<std::string, kept> retained_;
    std::set<std::string> unsure_; // topics whose retained message nobody knows
    std::uint64_t publishes_heard_ = 0;
};

} // namespace wharf::fuzz
