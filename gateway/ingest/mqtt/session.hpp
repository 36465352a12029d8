// One MQTT connection as the server sees it, 3.1.1 or 5: bytes, completions and time go in; bytes
// and calls to a session_sink come out. It holds no socket, clock or thread, and belongs to the one
// thread that drives it (the network thread). A peer's violation ends the connection as the
// standard says and leaves the session inert: every later call is harmless.
//
// What it promises: a PUBACK or PUBREC leaves only after on_published(), a PUBCOMP only after
// on_released(), and they leave in the order of the packets they answer.
#pragma once

#include "gateway/base/limits.hpp"
#include "gateway/ingest/mqtt/ack_queue.hpp"
#include "gateway/ingest/mqtt/packet.hpp"
#include "gateway/ingest/mqtt/packet_ids.hpp"
#include "gateway/ingest/mqtt/serialize.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace wharf::mqtt {

struct session_limits {
    std::size_t packet_bytes_max = limits::k_packet_bytes_default;
    // MQTT 5: announced. 3.1.1: as many acknowledgements may be owed before reading stops.
    std::uint16_t receive_maximum = limits::k_receive_maximum_default;
    std::uint16_t topic_alias_maximum = limits::k_topic_alias_max;
    std::uint16_t keep_alive_s_max = limits::k_keep_alive_s_max;
    std::uint32_t session_expiry_s_max = limits::k_session_expiry_s_max;
    std::size_t unacknowledged_bytes_max = limits::k_unacknowledged_bytes_max;
    std::size_t output_bytes_max = limits::k_output_bytes_max;
    std::size_t connect_bytes_max = limits::k_connect_bytes_max; // of who has not signed in
    std::uint32_t connect_timeout_ms = limits::k_connect_timeout_ms;
};

// Views are valid during the call only, here and in publish_request.
struct open_request {
    std::string_view client_id;
    bool client_id_assigned = false; // the client sent none
    bool clean_start = false;
    std::uint8_t protocol_version = k_version_3_1_1;
    std::uint32_t session_expiry_s = 0; // capped; 3.1.1: 0 with a clean session, else the cap
    std::uint16_t keep_alive_s = 0;     // as enforced; 0: off
    std::optional<std::string_view> username;
    std::optional<std::string_view> password;
    const will_message* will = nullptr; // validated; nullptr: none
    std::span<const user_property> user_properties;
    std::uint16_t receive_maximum = 65535; // the client's: unacknowledged PUBLISHes to it
};

struct publish_request {
    std::uint64_t token = 0;
    std::string_view topic; // a topic alias is already resolved
    std::string_view payload;
    std::uint8_t qos = 0;
    std::uint16_t packet_id = 0; // 0 with QoS 0
    bool dup = false;
    bool retain = false;
    // MQTT 5:
    bool payload_is_utf8 = false; // as the sender states it; not checked
    std::optional<std::uint32_t> message_expiry_s;
    std::string_view content_type;
    std::string_view response_topic;
    std::optional<std::string_view> correlation_data;
    std::span<const user_property> user_properties;
};

struct subscribe_request {
    std::uint16_t packet_id = 0;
    std::uint32_t identifier = 0; // 0: none
    std::span<const subscription> subscriptions;
};

struct unsubscribe_request {
    std::uint16_t packet_id = 0;
    std::span<const std::string_view> filters;
};

struct session_end {
    std::uint32_t session_expiry_s = 0; // 0: forget the session now
    bool publish_will = false;          // the client did not take its will back
};

// What the session asks of its shell. A call may be answered at once, from within, or later; the
// session must not be destroyed from within a call.
class session_sink {
  public:
    session_sink() = default;
    session_sink(const session_sink&) = delete;
    session_sink& operator=(const session_sink&) = delete;
    virtual ~session_sink() = default;

    // Answer with on_opened() or on_refused().
    virtual void open_session(const open_request& request) = 0;
    // Make it durable (with its packet identifier for QoS 2), then on_published(). Every QoS.
    virtual void publish(const publish_request& request) = 0;
    // A QoS 2 PUBLISH that is answered without publishing it: its identifier is already known.
    // For the books; token is 0 and nothing is to be answered.
    virtual void repeated(const publish_request& request) = 0;
    // Remove the QoS 2 packet identifier durably, then on_released().
    virtual void release(std::uint64_t token, std::uint16_t packet_id) = 0;
    // Answer with on_subscribed() or on_unsubscribed(), a code for each filter.
    virtual void subscribe(const subscribe_request& request) = 0;
    virtual void unsubscribe(const unsubscribe_request& request) = 0;
    // The client's PUBACK, PUBREC or PUBCOMP for what was sent to it.
    virtual void acknowledged(packet_type type, std::uint16_t packet_id, reason code) = 0;
    // The connection of an opened session has ended. Once, and never where another connection took
    // the session over.
    virtual void close_session(const session_end& end) = 0;
    // Write output(), then close the socket. Once; not after on_transport_closed(). The words are
    // empty where the client disconnected in good order.
    virtual void close(std::string_view why) = 0;
};

class session {
  public:
    static constexpr std::int64_t k_never = std::numeric_limits<std::int64_t>::max();

    // Times are milliseconds of any clock that never goes back. The sink must outlive the session.
    // assigned_client_id is used where the client sends none.
    session(const session_limits& limits, session_sink& sink, std::string assigned_client_id,
            std::int64_t now_ms);
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    // Bytes from the socket, in any pieces. Call it only while wants_bytes(); a read that was
    // already under way when that changed may still be handed in.
    void on_bytes(std::string_view bytes, std::int64_t now_ms);
    // False when a bound is reached or the CONNECT is being decided: stop reading the socket.
    [[nodiscard]] bool wants_bytes() const noexcept;
    // While held a PUBLISH, and what is behind it, stays where it is: the journal has no room. All
    // else goes on. Letting go goes on with what was held, unless called from within the session.
    void hold_publishes(bool hold);
    // Bytes to write. Drain it, then call on_drained().
    [[nodiscard]] std::string& output() noexcept { return output_; }
    void on_drained();

    // The answers to session_sink. qos2_packet_ids: those whose PUBREC is durable and that were not
    // released; ignored unless session_present.
    void on_opened(bool session_present, std::span<const std::uint16_t> qos2_packet_ids);
    // REQUIRES: is_failure(code).
    void on_refused(reason code, std::string_view why);
    // Each token once, in any order. A failure code refuses the PUBLISH; 3.1.1 has no word for
    // that, so there the connection ends without the acknowledgement.
    void on_published(std::uint64_t token, reason code);
    void on_released(std::uint64_t token);

    void on_subscribed(std::uint16_t packet_id, std::span<const reason> codes,
                       std::string_view why = {});
    void on_unsubscribed(std::uint16_t packet_id, std::span<const reason> codes);

    // To the client; the caller keeps its Receive Maximum. False: the packet is above the client's
    // Maximum Packet Size and nothing was written [MQTT-3.1.2-24]. The topic's alias is the
    // session's. REQUIRES: opened().
    [[nodiscard]] bool send_publish(outgoing_publish packet);
    // PUBREL, with a reason where the PUBREC was for nothing.
    void send_pubrel(std::uint16_t packet_id, reason code = reason::success);
    // Room for more to be sent, before the output has gone out.
    [[nodiscard]] bool has_output_room() const noexcept {
        return state_ == state::open && output_.size() < limits::k_delivery_bytes_max;
    }

    // Enforces the CONNECT time-out and the keep-alive. Returns when to call it next, or k_never.
    std::int64_t on_tick(std::int64_t now_ms);
    // The shell did not read the socket, because of a rate: the keep-alive stands still until the
    // next tick.
    void not_read() noexcept { keep_alive_paused_ = true; }
    // Packets handled since the last call.
    [[nodiscard]] std::uint64_t take_packet_count() noexcept {
        return std::exchange(packet_count_, 0);
    }
    // The server ends the connection: session_taken_over, server_shutting_down, not_authorized ...
    void end(reason code, std::string_view why = {});
    // The socket is gone.
    void on_transport_closed();

    [[nodiscard]] bool closed() const noexcept { return state_ == state::closed; }
    [[nodiscard]] bool opened() const noexcept { return state_ == state::open; }
    // What still waits for a completion or for its turn. 0 before a clean end.
    [[nodiscard]] std::size_t owed_count() const noexcept { return acks_.size(); }
    [[nodiscard]] std::size_t unacknowledged_bytes() const noexcept {
        return unacknowledged_bytes_;
    }
    [[nodiscard]] std::size_t buffered_bytes() const noexcept {
        return input_.size() - input_begin_;
    }
    // 0 until a CONNECT was read.
    [[nodiscard]] std::uint8_t protocol_version() const noexcept { return peer_.version; }

  private:
    enum class state : std::uint8_t { waiting_for_connect, opening, open, closed };

    // Input.
    [[nodiscard]] bool held_back() const noexcept;
    [[nodiscard]] bool waits_for_completions() const noexcept;
    [[nodiscard]] std::size_t owed_max() const noexcept;
    std::size_t process(std::string_view bytes);
    std::string_view complete_buffered(std::string_view bytes);
    void process_buffered();
    void keep(std::string_view bytes);
    [[nodiscard]] checked check_header(const fixed_header& header) const;
    [[nodiscard]] checked handle(const fixed_header& header, std::string_view body);
    void resume();

    // Packets.
    static protocol_error too_many_user_properties(std::string_view where);
    [[nodiscard]] checked handle_connect(const fixed_header& header, std::string_view body);
    [[nodiscard]] checked handle_publish(const fixed_header& header, std::string_view body);
    [[nodiscard]] checked resolve_topic();
    [[nodiscard]] checked publish_qos2(publish_request& request, std::uint32_t bytes);
    void hand_over(publish_request& request, owed kind, std::uint32_t bytes);
    [[nodiscard]] checked handle_pubrel(std::string_view body);
    [[nodiscard]] checked handle_ack(packet_type type, std::string_view body);
    [[nodiscard]] checked handle_subscribe(std::string_view body);
    [[nodiscard]] checked handle_unsubscribe(std::string_view body);
    [[nodiscard]] checked handle_disconnect(std::string_view body);
    [[nodiscard]] checked count_in_flight();
    [[nodiscard]] std::uint16_t alias_for(std::string_view topic, bool& is_new);

    // CONNECT.
    void negotiate(const connect_packet& packet);
    [[nodiscard]] checked check_connect(const connect_packet& packet) const;
    void refuse_connect(const protocol_error& failure, bool is_mqisdp);
    void answer_connect(const connack_packet& packet);

    // Acknowledgements.
    void release_ready();
    void emit(const owed_ack& entry);
    void refuse_repeats(std::uint16_t packet_id, reason code);

    // Ends.
    void fail(const protocol_error& failure);
    void shut(std::string_view why, session_end how, bool tell_transport);
    void drop_input();

    const session_limits limits_;
    session_sink& sink_;
    state state_ = state::waiting_for_connect;
    bool publishes_held_ = false;
    bool at_held_publish_ = false;
    bool processing_ = false; // packets are being handled: their bytes must stay where they are
    bool open_unanswered_ = false;
    bool taken_over_ = false;
    bool wants_reason_strings_ = true; // Request Problem Information
    bool server_keep_alive_ = false;   // announced, because it is not the client's
    bool client_id_assigned_ = false;
    bool keep_alive_paused_ = false; // the server did not read since the last tick
    std::uint16_t keep_alive_s_ = 0;
    std::uint32_t session_expiry_s_ = 0;
    std::uint32_t requested_expiry_s_ = 0;
    recipient peer_{0, 0};
    std::string assigned_client_id_;

    std::string input_; // a partial packet, or what came while held back
    std::size_t input_begin_ = 0;
    std::string output_;

    publish_packet publish_; // its memory is used again for each PUBLISH
    std::vector<std::string> aliases_;
    // Of topics to the client: the first ones it is sent, up to its maximum. Looked up only.
    std::unordered_map<std::string, std::uint16_t> aliases_out_;
    std::uint16_t alias_out_max_ = 0;
    ack_queue acks_;
    packet_ids qos2_;
    std::size_t in_flight_ = 0;       // MQTT 5 Receive Maximum
    std::size_t repeats_owed_ = 0;    // entries of pubrec_repeated
    std::size_t subscribes_owed_ = 0; // SUBSCRIBE and UNSUBSCRIBE without an answer
    std::size_t unacknowledged_bytes_ = 0;

    std::uint64_t packet_count_ = 0;
    std::int64_t now_ms_;
    std::int64_t last_packet_ms_;
};

} // namespace wharf::mqtt
