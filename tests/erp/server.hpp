// HTTP/1.1 over Boost.Beast, keep-alive, many connections, one thread. It performs what the
// service's replies ask for: waiting, trickling, hanging up, going away.
#pragma once

#include "tests/erp/service.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <list>
#include <memory>
#include <string>

namespace erp {

class server {
  public:
    server(boost::asio::io_context& context, service& answers)
        : context_(context), service_(answers), return_timer_(context) {}

    // Throws boost::system::system_error where the address is not to be had.
    void listen(const std::string& address, std::uint16_t port);
    [[nodiscard]] std::uint16_t port() const { return endpoint_.port(); }
    // Closes the socket and every connection; requests that wait are dropped before they take
    // effect.
    void stop();

  private:
    class connection;

    void open();
    void accept();
    void vanish(std::uint64_t for_ms);
    void come_back();

    boost::asio::io_context& context_;
    service& service_;
    boost::asio::ip::tcp::endpoint endpoint_;
    std::unique_ptr<boost::asio::ip::tcp::acceptor> acceptor_;
    boost::asio::steady_timer return_timer_;
    std::list<std::weak_ptr<connection>> connections_;
};

} // namespace erp
