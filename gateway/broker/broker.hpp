// The local broker: what is published can also be consumed on site. A machine over the sessions of
// all clients, their subscriptions and queues, retained messages and wills; it holds no socket,
// clock or thread. What it wants durable rides in the journal's requests, and nobody is sent what
// is not. Owned by the network thread. Nothing here delays an acknowledgement: what is published is
// handed to the journal whoever subscribes to it, and a subscriber that is slow loses its own.
#pragma once

#include "gateway/broker/outbox.hpp"
#include "gateway/broker/retained.hpp"
#include "gateway/broker/subscriptions.hpp"
#include "gateway/ingest/intake.hpp"
#include "gateway/ingest/mqtt/session.hpp"
#include "gateway/journal/local_state.hpp"
#include "gateway/journal/requests.hpp"

#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace wharf {
enum class notice : std::uint8_t { info, warning };
}

namespace wharf::broker {

class client;

struct broker_options {
    std::string site;
    std::size_t queue_messages_max = limits::k_queue_messages_default;
    std::size_t queues_bytes_max = limits::k_queues_bytes_default; // of all sessions
    std::uint16_t inflight_max = limits::k_inflight_default;       // to a client of 3.1.1
    retained_bounds retained;
};

// What time it is in this turn of the loop.
struct moment {
    std::int64_t wall_us = 0;
    std::int64_t monotonic_us = 0;
    bool wall_synchronised = false;
};

struct broker_calls {
    // To the journal, in order.
    std::function<void(journal_request)> submit;
    // A message to be filled, in memory that was used before where there is some.
    std::function<prepared_message()> take_spent;
    std::function<void(notice, const std::string&)> log;
};

struct broker_counters {
    std::uint64_t delivered = 0;       // PUBLISH packets to clients
    std::uint64_t dropped_queue = 0;   // there was no room in a session's queue, or in all of them
    std::uint64_t dropped_slow = 0;    // QoS 0 to a client that does not read
    std::uint64_t dropped_expired = 0; // their Message Expiry Interval passed in the queue
    std::uint64_t dropped_too_large = 0;   // above the client's Maximum Packet Size
    std::uint64_t dropped_not_allowed = 0; // outside the client's rights, as they are now
    std::uint64_t retained_refused = 0;    // no room among the retained messages
    std::uint64_t wills = 0;
    std::uint64_t receipts = 0;
};

class broker {
  public:
    broker(broker_options options, const intake& prepare, broker_calls calls);
    ~broker();
    broker(const broker&) = delete;
    broker& operator=(const broker&) = delete;

    // Before anything else: what the journal kept, and journal time minus monotonic time.
    // errc::corrupt naming the client.
    status restore(local_state from, std::int64_t journal_offset_us);
    void look(const moment& now) { now_ = now; }
    [[nodiscard]] const moment& now() const { return now_; }
    // Wills that are due, messages whose time is over.
    void on_tick();
    // Hands over what was left to ride in the next commit.
    void flush();
    // Takes the answers that are the broker's own, and tells it what became durable. True: it was
    // nobody else's.
    bool on_answer(const journal_answer& answer);

    [[nodiscard]] const broker_counters& counters() const { return counters_; }
    [[nodiscard]] std::size_t subscriptions_count() const { return subscriptions_.count(); }
    [[nodiscard]] std::size_t retained_count() const { return retained_.count(); }
    [[nodiscard]] std::size_t queued_bytes() const { return queued_bytes_; }

  private:
    friend class client;

    struct held_subscription {
        std::uint32_t number = 0;
        subscription_options how;
    };
    // A subscription whose retained messages are not all sent yet.
    struct retained_walk {
        std::string filter;
        subscription_options how;
        std::string after; // the last topic that was looked at
        bool from_begin = true;
    };
    struct will {
        std::uint64_t number = 0;
        wharf::v1::LocalMessage message; // its expiry is an interval
        std::uint32_t delay_s = 0;
    };
    struct session {
        session_number who = 0;
        std::string client_id;
        std::uint64_t incarnation = 0; // 0: it ends with its connection and is not journaled
        client* connected = nullptr;
        std::uint16_t inflight_max = limits::k_inflight_default;
        std::uint16_t inflight = 0;
        std::size_t output_bytes = 0; // as last seen: not written yet
        std::map<std::string, held_subscription, std::less<>> subscriptions;
        std::uint32_t last_subscription = 0;
        outbox queue;
        std::deque<retained_walk> walks;
        std::optional<will> last_will;
        // As it was opened last in this run.
        std::uint64_t generation = 0;
        std::uint32_t expiry_s = 0;
        std::optional<std::string> owner;
    };
    // Who gets a message once it is durable.
    struct addressee {
        session_number who = 0;
        std::uint64_t number = 0; // reserved in its queue; 0: nothing is
        std::uint8_t qos = 0;
        bool retain = false;
        std::vector<std::uint32_t> identifiers;
    };
    // Who wants to know what became of it.
    struct receipt_to {
        std::string topic;
        std::optional<std::string> correlation_data;
    };
    struct routed {
        message_ptr message;
        boost::container::small_vector<addressee, 1> to;
        bool retains = false; // it takes the topic's retained message's place
        std::vector<receipt_to> receipts;
    };
    struct pending_subscribe {
        session_number who = 0;
        std::uint64_t connection = 0;
        std::uint16_t packet_id = 0;
        bool subscribes = true;
        std::vector<mqtt::reason> codes;
        std::string why;
        std::vector<retained_walk> walks;
    };
    // A session that the journal was asked to open.
    struct pending_open {
        client* by = nullptr; // it has gone since
        std::string client_id;
        std::uint32_t expiry_s = 0;
        std::optional<std::string> owner;
    };
    struct pending_release {
        session_number who = 0;
        std::uint64_t number = 0;
    };

    // For clients.
    void open(client& by);
    void submit_open(client& by, bool displace);
    // The session that the journal has opened: made, or gone on with.
    session* adopt(const pending_open& asked, const session_opened& answer, bool attached);
    void opened_for_nobody(const session_opened& answer);
    void close_abandoned(const std::string& client_id);
    [[nodiscard]] bool has_room_for_will(const session_open_request& wanted) const;
    void refuse_anothers(client& by);
    void opened(client& by, const session_opened& answer);
    void closed(client& by, const mqtt::session_end& end);
    void retired(client& by);
    void published(client& by, const mqtt::publish_request& request);
    void subscribe(client& by, const mqtt::subscribe_request& request);
    void unsubscribe(client& by, const mqtt::unsubscribe_request& request);
    void acknowledged(client& by, mqtt::packet_type type, std::uint16_t packet_id,
                      mqtt::reason code);
    void pump(client& to);

    // Sessions.
    void subscribe_session(session_number who, const std::string& filter,
                           const subscription_options& how);
    void unsubscribe_session(session_number who, std::string_view filter);
    // Takes away what its client has no right to any more.
    void review_subscriptions(client& by, session& of);
    session* find(session_number who);
    session* find(const std::string& client_id);
    session& make_session(const std::string& client_id, std::uint64_t incarnation);
    void drop_session(session& which);
    void detach(session& from);
    // Its client is there again, or its session has ended.
    void settle_will(session& of, bool session_goes_on);
    void publish_will(session& of);
    void forget_will(session& of);
    void set_will(session& of, will what);
    will take_will(session& of);
    void publish_as_gateway(const will& last, const std::string& client_id, session_number from);

    // Routing.
    [[nodiscard]] bool concerns(std::string_view topic, session_number from, bool retain);
    routed& route(const message_ptr& message, std::uint64_t token, std::vector<local_op>& ops);
    void retain(const message_ptr& message, routed& out, std::vector<local_op>& ops,
                std::shared_ptr<const std::string>& bytes);
    void committed(std::uint64_t token, const std::vector<event_receipt>& receipts);
    void dropped(std::uint64_t token);
    void hand_out(const message_ptr& message, const addressee& to);
    void publish_local(const message_ptr& message);
    [[nodiscard]] bool has_room(const session& in, const message& for_it) const;
    // Its place in the queue; 0: there is no room.
    std::uint64_t enqueue(session& in, const message_ptr& message, const addressee& how, place at);
    void finish(session& in, std::uint64_t number);
    void on_durable(std::uint64_t token);
    void release_durable(const pending_release& done);
    void release(session& of, std::uint64_t number, outgoing& what);

    // Receipts.
    void ask_receipts(client& by, const mqtt::publish_request& request, ingest_request& ingest);
    void send_receipts(const message_ptr& of, const receipt_to& to,
                       const std::vector<event_receipt>& receipts);

    // Delivery.
    void send_queue(session& to);
    bool send(session& to, std::uint64_t number, outgoing& what);
    void send_now(session& to, const message_ptr& message, const addressee& how);
    [[nodiscard]] bool write(session& to, const message& what, mqtt::outgoing_publish& packet,
                             const std::vector<std::uint32_t>& identifiers);
    void send_retained(session& to);
    [[nodiscard]] bool has_output_room(const session& to) const;
    void count_output(session& of);
    void answer_subscribe(pending_subscribe& done);
    void submit_subscribe(client& by, pending_subscribe answer, std::vector<local_op> ops);
    mqtt::reason take_subscription(client& by, session& of, const mqtt::subscription& wanted,
                                   std::uint32_t identifier, pending_subscribe& answer,
                                   std::vector<local_op>& ops);

    void later(local_op op);
    [[nodiscard]] std::uint64_t next_token();
    [[nodiscard]] std::int64_t journal_us() const { return now_.monotonic_us + journal_offset_us_; }
    [[nodiscard]] bool expired(const message& one) const {
        return one.expires_at_us != 0 && one.expires_at_us <= journal_us();
    }

    const broker_options options_;
    const intake& intake_;
    const broker_calls calls_;
    moment now_;
    std::int64_t journal_offset_us_ = 0;
    std::int64_t retained_swept_us_ = 0;
    broker_counters counters_;
    subscriptions subscriptions_;
    subscriptions receipts_;                   // those of them that ask for receipts
    std::uint64_t subscriptions_revision_ = 1; // of the tree: what was looked up is stale
    retained_messages retained_;
    std::size_t queued_bytes_ = 0; // of all queues
    std::size_t wills_bytes_ = 0;
    std::size_t output_bytes_ = 0; // to all clients, as last seen
    session_number last_session_ = 0;
    std::unordered_map<session_number, std::unique_ptr<session>> sessions_; // order never shows
    std::unordered_map<std::string, session_number> by_client_id_;
    std::unordered_map<std::uint64_t, session_number> by_incarnation_;
    std::unordered_map<std::string, client*> connected_; // from the open request on
    std::map<session_number, std::int64_t> wills_due_;   // in monotonic time
    // Of sessions that ended with the last run, and their clients.
    std::vector<std::pair<std::string, will>> wills_left_;
    std::uint64_t last_token_ = 0;
    boost::unordered_flat_map<std::uint64_t, routed> routed_; // by token
    std::unordered_map<std::uint64_t, pending_subscribe> subscribing_;
    std::unordered_map<std::uint64_t, pending_release> releasing_;
    std::unordered_map<std::uint64_t, pending_open> opening_;
    std::vector<local_op> later_; // ride in the next commit
    std::vector<match> matches_;  // memory that is used again
};

} // namespace wharf::broker
