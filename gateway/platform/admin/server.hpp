// The local HTTP server: commands on a Unix socket (mode 0660), /healthz and /metrics on a loopback
// port. Everything runs on the executor it is given, which must be of one thread; only the answers
// of handlers may come from elsewhere. Bounded: limits::k_admin_connections_max connections in all,
// k_admin_body_bytes_max of body, k_admin_timeout_ms for each step.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/platform/admin/router.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace wharf::admin {

struct server_options {
    std::string socket_path; // empty: no Unix socket
    std::string http_address = "127.0.0.1";
    std::uint16_t http_port = 0;  // 0: any free port
    std::uint32_t timeout_ms = 0; // 0: limits::k_admin_timeout_ms
};

class server {
  public:
    // `commands` answers on the Unix socket, `pages` on TCP.
    server(boost::asio::any_io_executor executor, router commands, router pages);
    ~server();
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    // Binds and accepts. errc::conflict where another process answers on the socket: a file that
    // nobody answers on is taken over. errc::invalid where http_address is not of this machine.
    status start(const server_options& options);
    // Closes everything and removes the socket's file. Handlers that still answer are ignored.
    void stop();
    // After start: the port, also where 0 was asked for.
    [[nodiscard]] std::uint16_t http_port() const noexcept;

  private:
    class state;
    std::shared_ptr<state> state_;
};

} // namespace wharf::admin
