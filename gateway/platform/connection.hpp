// One socket of the listener and the machine of its client. The network thread only.
#pragma once

#include "gateway/broker/client.hpp"
#include "gateway/platform/access/access_guest.hpp"
#include "gateway/platform/listener.hpp"
#include "gateway/platform/tls/stream.hpp"

namespace wharf {

class connection : public std::enable_shared_from_this<connection>, public broker::client_shell {
  public:
    connection(listener& owner, std::uint64_t id, tls::device_stream stream);

    void start();
    // Reads where the session and the journal let it; writes what there is.
    void pump();
    void tick(std::int64_t now_ms);
    void on_answer(const journal_answer& answer) { client_.on_answer(answer); }
    void end(mqtt::reason why);
    // Ends where the certificate that its device has shown is not good any more.
    void judge_again(const tls::context& by);
    void hold_publishes(bool hold);
    void abandon();
    // The listener goes: no call to it any more.
    void retire() { client_.retire(); }
    [[nodiscard]] bool idle() const;
    [[nodiscard]] std::uint64_t id() const { return id_; }
    [[nodiscard]] const access_guest& guest() const { return guest_; }
    // What it holds in memory: a packet that has come in part, and answers that were not read.
    [[nodiscard]] std::size_t held_bytes();
    // Verified; null where the device has shown none.
    [[nodiscard]] const peer_certificate* certificate() const { return stream_.peer(); }

  private:
    void wake() override;
    void close(std::string_view why) override;
    void answered(std::int64_t after_us) override;
    void published(std::uint8_t qos) override;
    void sign_in(const mqtt::open_request& request) override;
    [[nodiscard]] std::optional<std::string> owner() const override;
    [[nodiscard]] bool knows_owner(std::string_view name) const override;
    void session_is_anothers() override;
    [[nodiscard]] bool may_publish(std::string_view topic) override;
    [[nodiscard]] bool may_subscribe(std::string_view filter) override;
    [[nodiscard]] bool may_receive(std::string_view topic) override;

    void read();
    void receive();
    void write();
    void linger();
    void discard();
    void lost();
    void finish();

    listener& owner_;
    const std::uint64_t id_;
    tls::device_stream stream_;
    std::string peer_;
    access_guest guest_;
    broker::client client_;
    bool woken_ = false;
    bool reading_ = false;
    bool writing_ = false;
    bool closing_ = false;
    bool lingering_ = false;
    bool finished_ = false;
    bool too_fast_ = false; // not read, because of its rate
    std::int64_t close_by_ms_ = 0;
    std::string output_;
};

} // namespace wharf
