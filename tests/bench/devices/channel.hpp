// A connection of the fleet: a socket that does not block, with TLS by OpenSSL or without. The
// client of devices is another library than the gateway's on purpose, and its handshakes cost a
// tenth. One thread.
#pragma once

#include "tests/bench/load/net.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

namespace bench {

struct openssl_free {
    void operator()(ssl_ctx_st* one) const;
    void operator()(ssl_session_st* one) const;
    void operator()(ssl_st* one) const;
};

// With what a device resumes its TLS session.
using tls_ticket = std::unique_ptr<ssl_session_st, openssl_free>;

// What all connections with TLS share: TLS 1.2 (both sides speak the same against every peer), the
// authority that the server's certificate is verified by.
class tls_client {
  public:
    explicit tls_client(const std::string& authority_file);
    [[nodiscard]] ssl_ctx_st* get() const { return context_.get(); }

  private:
    std::unique_ptr<ssl_ctx_st, openssl_free> context_;
};

class channel {
  public:
    enum class progress : std::uint8_t { under_way, done, failed };

    // Begins to connect to loopback, from 127.x.y.z of this number where there is one.
    channel(std::uint16_t port, std::uint32_t from, const tls_client* tls,
            const tls_ticket* resume);
    ~channel();
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;

    [[nodiscard]] int fd() const { return socket_.get(); }
    // Until it is done: whenever the socket is ready.
    progress establish();
    // Whether the socket is waited for to become writable.
    [[nodiscard]] bool wants_to_write() const { return wants_to_write_; }
    // As bench::receive and bench::send_some.
    [[nodiscard]] std::ptrdiff_t receive(char* to, std::size_t size);
    [[nodiscard]] std::ptrdiff_t send(std::string_view bytes);

    [[nodiscard]] bool resumed() const;
    [[nodiscard]] tls_ticket ticket() const;
    // As when the power goes: the peer learns it by a reset, if at all.
    void cut();

  private:
    [[nodiscard]] bool may_go_on(int result); // after what OpenSSL did not do

    fd_owner socket_;
    std::unique_ptr<ssl_st, openssl_free> tls_;
    bool connected_ = false;
    bool wants_to_write_ = true;
};

} // namespace bench
