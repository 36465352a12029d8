#include "tests/erp/server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include <chrono>
#include <cstdio>
#include <optional>
#include <sstream>

namespace erp {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

// A thousand updates of 16 KiB, and the names of their fields.
constexpr std::uint64_t k_body_bytes_max = std::uint64_t{64} << 20;
constexpr std::chrono::milliseconds k_accept_pause{50};

std::string render(const reply& what, bool keep_alive) {
    std::ostringstream head;
    head << "HTTP/1.1 " << what.status << ' '
         << http::obsolete_reason(http::int_to_status(what.status))
         << "\r\nContent-Type: " << what.content_type << "\r\n";
    // 204 and 304 have no body, and so no length.
    const bool bodiless = what.status == 204 || what.status == 304;
    if (!bodiless) head << "Content-Length: " << what.body.size() << "\r\n";
    for (const auto& [name, value] : what.headers)
        head << name << ": " << value << "\r\n";
    if (!keep_alive) head << "Connection: close\r\n";
    head << "\r\n";
    return bodiless ? head.str() : head.str() + what.body;
}

} // namespace

class server::connection : public std::enable_shared_from_this<connection> {
  public:
    connection(server& owner, tcp::socket socket)
        : owner_(owner), socket_(std::move(socket)), timer_(owner.context_) {}

    void read();
    void close();

  private:
    void received(error_code failure);
    void handle();
    void send();
    void send_byte(std::size_t index);
    void sent();
    template <typename callable> void after(std::uint64_t wait_ms, callable next);

    server& owner_;
    tcp::socket socket_;
    asio::steady_timer timer_;
    boost::beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    http_request request_;
    reply reply_;
    std::string bytes_;
    bool keep_alive_ = true;
    bool closed_ = false;
};

template <typename callable> void server::connection::after(std::uint64_t wait_ms, callable next) {
    if (wait_ms == 0) return next();
    timer_.expires_after(std::chrono::milliseconds(wait_ms));
    timer_.async_wait([self = shared_from_this(), next](error_code) {
        if (!self->closed_) next();
    });
}

void server::connection::close() {
    closed_ = true;
    timer_.cancel();
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
}

void server::connection::read() {
    parser_.emplace();
    parser_->body_limit(k_body_bytes_max);
    http::async_read(socket_, buffer_, *parser_,
                     [self = shared_from_this()](error_code failure, std::size_t) {
                         if (!self->closed_) self->received(failure);
                     });
}

void server::connection::received(error_code failure) {
    if (failure == http::error::body_limit) {
        keep_alive_ = false;
        reply_ = service::too_large();
        return send();
    }
    if (failure) return close();
    auto message = parser_->release();
    keep_alive_ = message.keep_alive();
    request_ = {std::string(message.method_string()),
                std::string(message.target()),
                std::string(message[http::field::content_type]),
                std::string(message[http::field::authorization]),
                std::string(message["Idempotency-Key"]),
                std::string(message["Wharf-Gateway"]),
                std::string(message["Wharf-Takeover"]),
                std::string(message["Wharf-Epoch"]),
                std::move(message.body())};
    // The peer may be long gone when the wait is over: its updates take effect all the same.
    after(owner_.service_.delay_before_ms(request_), [this] { handle(); });
}

void server::connection::handle() {
    reply_ = owner_.service_.handle(request_);
    after(reply_.wait_ms, [this] { send(); });
}

void server::connection::send() {
    if (reply_.how == sending::close_instead) return close();
    if (reply_.how == sending::reset_instead) {
        error_code ignored;
        socket_.set_option(asio::socket_base::linger(true, 0), ignored);
        closed_ = true;
        socket_.close(ignored);
        return;
    }
    bytes_ = render(reply_, keep_alive_);
    if (reply_.how == sending::byte_by_byte) return send_byte(0);
    asio::async_write(socket_, asio::buffer(bytes_),
                      [self = shared_from_this()](error_code failure, std::size_t) {
                          if (self->closed_) return;
                          failure ? self->close() : self->sent();
                      });
}

void server::connection::send_byte(std::size_t index) {
    if (index == bytes_.size()) return sent();
    asio::async_write(socket_, asio::buffer(bytes_.data() + index, 1),
                      [self = shared_from_this(), index](error_code failure, std::size_t) {
                          if (self->closed_) return;
                          if (failure) return self->close();
                          self->after(self->reply_.byte_ms,
                                      [raw = self.get(), index] { raw->send_byte(index + 1); });
                      });
}

void server::connection::sent() {
    if (reply_.vanish_ms > 0) return owner_.vanish(reply_.vanish_ms);
    keep_alive_ ? read() : close();
}

void server::listen(const std::string& address, std::uint16_t port) {
    endpoint_ = tcp::endpoint(asio::ip::make_address(address), port);
    open();
    endpoint_ = acceptor_->local_endpoint();
}

void server::open() {
    // Bound with SO_REUSEADDR, so that the port can be taken again at once.
    acceptor_ = std::make_unique<tcp::acceptor>(context_, endpoint_, true);
    accept();
}

void server::accept() {
    acceptor_->async_accept([this](error_code failure, tcp::socket socket) {
        // A connection that was accepted just before the end goes with the rest.
        if (failure == asio::error::operation_aborted || !acceptor_->is_open()) return;
        if (failure) {
            // Out of descriptors, most likely: connections that end will free some.
            return_timer_.expires_after(k_accept_pause);
            return_timer_.async_wait([this](error_code cancelled) {
                if (!cancelled) accept();
            });
            return;
        }
        error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        auto fresh = std::make_shared<connection>(*this, std::move(socket));
        connections_.remove_if([](const auto& old) { return old.expired(); });
        connections_.push_back(fresh);
        fresh->read();
        accept();
    });
}

void server::stop() {
    return_timer_.cancel();
    if (acceptor_) acceptor_->close();
    for (const auto& weak : connections_) {
        if (const auto open_connection = weak.lock()) open_connection->close();
    }
    connections_.clear();
}

void server::vanish(std::uint64_t for_ms) {
    stop();
    return_timer_.expires_after(std::chrono::milliseconds(for_ms));
    return_timer_.async_wait([this](error_code failure) {
        if (!failure) come_back();
    });
}

void server::come_back() {
    try {
        open();
    } catch (const boost::system::system_error& failure) {
        std::fprintf(stderr, "wharf-reference-erp: port %u is gone: %s\n", unsigned{port()},
                     failure.code().message().c_str());
        context_.stop();
    }
}

} // namespace erp
