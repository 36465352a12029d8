// One connection without its socket: the session machine, and what it asks for taken to the journal
// and the local broker. The network thread only.
#pragma once

#include "gateway/broker/broker.hpp"

#include <cstdint>
#include <deque>
#include <string>

namespace wharf::broker {

// What a client wants of whoever holds its socket. A call must not destroy the client.
class client_shell {
  public:
    client_shell() = default;
    client_shell(const client_shell&) = delete;
    client_shell& operator=(const client_shell&) = delete;
    virtual ~client_shell() = default;

    // There may be output to write, or input may be read again. May come at any time, often.
    virtual void wake() = 0;
    // Write the output, then close. Once. The words are empty after a good-bye in good order.
    virtual void close(std::string_view why) = 0;
    // A PUBLISH that was read so many microseconds ago has its acknowledgement in the output.
    virtual void answered(std::int64_t after_us) = 0;
    // Who is it? Answer with client::signed_in(), at once or later; not after its session has
    // closed.
    virtual void sign_in(const mqtt::open_request& request) = 0;
    // The identity that a session belongs to which it opens, empty for nobody by name; nothing:
    // sessions belong to nobody here. After sign_in().
    [[nodiscard]] virtual std::optional<std::string> owner() const = 0;
    [[nodiscard]] virtual bool knows_owner(std::string_view name) const = 0;
    // Somebody else's session stands under its client identifier: it is refused.
    virtual void session_is_anothers() = 0;
    [[nodiscard]] virtual bool may_publish(std::string_view topic) = 0;
    [[nodiscard]] virtual bool may_subscribe(std::string_view filter) = 0;
    // A message that its session wanted or was queued for it, perhaps under earlier rights.
    [[nodiscard]] virtual bool may_receive(std::string_view topic) = 0;
    // A PUBLISH was read.
    virtual void published(std::uint8_t qos) = 0;
};

class client final : public mqtt::session_sink {
  public:
    // id: may_be_id(), of no other client that is there. REQUIRES: broker and shell outlive
    // it.
    client(broker& of, client_shell& shell, const mqtt::session_limits& limits, std::uint64_t id,
           std::string assigned_client_id);
    // Its connection is gone: nothing of it is used by the broker any more. REQUIRED before its
    // end.
    void retire() { broker_.retired(*this); }

    [[nodiscard]] mqtt::session& session() { return session_; }
    [[nodiscard]] const mqtt::session& session() const { return session_; }
    [[nodiscard]] std::uint64_t id() const { return id_; }
    [[nodiscard]] const std::string& client_id() const { return client_id_; }
    // The answer to client_shell::sign_in().
    void signed_in(mqtt::reason code);
    // Its answers, after the broker had them.
    void on_answer(const journal_answer& answer);
    // What waits for the client, as far as its output has room.
    void pump() { broker_.pump(*this); }

    // Tokens of connections and of their requests in one number. No connection has the number of
    // the broker's own requests, or 0, which is the bridge port's.
    static constexpr unsigned k_token_bits = 40;
    static constexpr std::uint64_t k_broker_id = (std::uint64_t{1} << (64 - k_token_bits)) - 1;
    [[nodiscard]] static constexpr bool may_be_id(std::uint64_t id) {
        return id != 0 && id < k_broker_id;
    }
    [[nodiscard]] static std::uint64_t id_of(std::uint64_t token) { return token >> k_token_bits; }

  private:
    friend class broker;

    void open_session(const mqtt::open_request& request) override;
    void publish(const mqtt::publish_request& request) override;
    void repeated(const mqtt::publish_request&) override {}
    void release(std::uint64_t token, std::uint16_t packet_id) override;
    void subscribe(const mqtt::subscribe_request& request) override;
    void unsubscribe(const mqtt::unsubscribe_request& request) override;
    void acknowledged(mqtt::packet_type type, std::uint16_t packet_id, mqtt::reason code) override;
    void close_session(const mqtt::session_end& end) override;
    void close(std::string_view why) override;

    [[nodiscard]] std::uint64_t token_of(std::uint64_t session_token) const {
        return (id_ << k_token_bits) | (session_token & ((std::uint64_t{1} << k_token_bits) - 1));
    }

    broker& broker_;
    client_shell& shell_;
    const std::uint64_t id_;
    mqtt::session session_;
    std::string client_id_;
    session_number who_ = 0; // 0: it has no session
    bool persistent_ = false;
    bool session_present_ = false;
    std::uint16_t receive_maximum_ = 65'535;
    std::uint8_t version_ = 0;
    std::uint64_t generation_ = 0;
    session_open_request wanted_;              // what it asked for in its CONNECT
    std::deque<std::int64_t> published_at_us_; // of what is not acknowledged yet, oldest first
    // Whether somebody wants receipts of this device, as of a revision of the subscriptions.
    std::string receipts_topic_;
    std::uint64_t receipts_revision_ = 0;
    bool receipts_wanted_ = false;
};

} // namespace wharf::broker
