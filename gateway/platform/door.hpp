// One address that connections are accepted on. The loop neither ends nor spins where the system
// refuses one, for want of descriptors for example. The thread that runs the io_context.
#pragma once

#include "gateway/base/result.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <string>

namespace wharf {

class door {
  public:
    struct callbacks {
        std::function<void(boost::asio::ip::tcp::socket)> came;
        std::function<void(const std::string&)> refused;
    };
    door(boost::asio::io_context& on, callbacks calls);

    // port 0: any free one. errc::io where the address cannot be listened on.
    status open(const std::string& address, std::uint16_t port);
    void close();
    [[nodiscard]] std::uint16_t port() const { return port_; } // 0: not open

  private:
    void accept();

    const callbacks calls_;
    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::steady_timer retry_;
    std::uint16_t port_ = 0;
};

} // namespace wharf
