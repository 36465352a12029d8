// One socket of the listener and its session machine. The network thread only.
#pragma once

#include "gateway/platform/listener.hpp"

#include <array>
#include <deque>

namespace wharf {

class connection : public std::enable_shared_from_this<connection>, public mqtt::session_sink {
  public:
    connection(listener& owner, std::uint64_t id, boost::asio::ip::tcp::socket socket);

    void start();
    // Reads where the session and the journal let it; writes what there is.
    void pump();
    void tick(std::int64_t now_ms);
    void on_opened(const session_opened& answer);
    void on_ingested(std::uint64_t token, const ingest_verdict& verdict);
    void on_released(std::uint64_t token);
    void end(mqtt::reason why);
    void hold_publishes(bool hold);
    void abandon();
    [[nodiscard]] bool idle() const;
    [[nodiscard]] std::uint64_t id() const { return id_; }
    [[nodiscard]] const std::string& client_id() const { return client_id_; }

  private:
    // What the session asks for.
    void open_session(const mqtt::open_request& request) override;
    void publish(const mqtt::publish_request& request) override;
    void repeated(const mqtt::publish_request& request) override;
    void release(std::uint64_t token, std::uint16_t packet_id) override;
    void close_session(const mqtt::session_end& end) override;
    void close(std::string_view why) override;

    void read();
    void write();
    void linger();
    void discard();
    void lost();
    void finish();
    // Tokens of connections and of their requests in one number.
    [[nodiscard]] std::uint64_t token_of(std::uint64_t session_token) const;

    listener& owner_;
    const std::uint64_t id_;
    boost::asio::ip::tcp::socket socket_;
    std::string peer_;
    mqtt::session session_;
    std::string client_id_;
    std::uint64_t generation_ = 0;
    bool clean_start_ = false;
    bool session_present_ = false;
    bool persistent_ = false;
    std::uint32_t expiry_s_ = 0;
    bool reading_ = false;
    bool writing_ = false;
    bool closing_ = false;
    bool lingering_ = false;
    bool finished_ = false;
    std::int64_t close_by_ms_ = 0;
    std::deque<std::int64_t> published_at_us_; // of what is not acknowledged yet, oldest first
    std::array<char, 16 * 1024> input_;
    std::string output_;
};

// How many bits of a token are the session's.
inline constexpr unsigned k_session_token_bits = 40;

} // namespace wharf
