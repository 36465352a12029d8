// A server of the tests on a thread of its own: one connection after the other, what each does is
// the test's.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <functional>
#include <string>
#include <thread>

namespace wharf::test {

class tiny_server {
  public:
    using tcp = boost::asio::ip::tcp;
    // Called for each connection with its number from 0; the socket closes when it returns.
    using script = std::function<void(tcp::socket&, int)>;

    tiny_server(int connections, script play)
        : acceptor_(io_, {boost::asio::ip::make_address("127.0.0.1"), 0}),
          thread_([this, connections, play = std::move(play)] {
              for (int i = 0; i < connections; ++i) {
                  boost::system::error_code failure;
                  auto socket = acceptor_.accept(failure);
                  if (failure) return;
                  play(socket, i);
              }
          }) {}
    ~tiny_server() { thread_.join(); }

    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

    // Head and body of the next request; empty at the connection's end.
    static std::string read_request(tcp::socket& socket, std::string& body) {
        boost::system::error_code failure;
        std::string data;
        const auto head =
            boost::asio::read_until(socket, boost::asio::dynamic_buffer(data), "\r\n\r\n", failure);
        if (failure) return {};
        body = data.substr(head);
        const auto at = data.find("Content-Length: ");
        const auto length = at == std::string::npos ? 0 : std::stoul(data.substr(at + 16));
        while (body.size() < length) {
            char more[4096];
            const auto count = socket.read_some(boost::asio::buffer(more), failure);
            if (failure) return {};
            body.append(more, count);
        }
        return data.substr(0, head);
    }
    static void write(tcp::socket& socket, const std::string& text) {
        boost::system::error_code ignored;
        boost::asio::write(socket, boost::asio::buffer(text), ignored);
    }
    static std::string reply(const std::string& status, const std::string& body,
                             const std::string& more = {}) {
        return "HTTP/1.1 " + status + "\r\n" + more +
               "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }

  private:
    boost::asio::io_context io_;
    tcp::acceptor acceptor_;
    std::thread thread_;
};

} // namespace wharf::test
