// One connection of the local server: reads requests one after another and writes their answers.
// Runs on the server's executor.
#pragma once

#include "gateway/base/limits.hpp"
#include "gateway/platform/admin/router.hpp"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace wharf::admin {

// What sessions share with the server.
struct caller {
    std::string user; // as in a request
    bool owner = false;
};

struct session_shelter {
    std::shared_ptr<const router> routes;
    std::shared_ptr<int> open; // counts the server's connections
    std::chrono::milliseconds timeout{limits::k_admin_timeout_ms};
};

template <class Protocol> class session : public std::enable_shared_from_this<session<Protocol>> {
    using stream = boost::beast::basic_stream<Protocol>;
    using error_code = boost::beast::error_code;

  public:
    session(typename Protocol::socket socket, session_shelter shelter, caller by)
        : stream_(std::move(socket)), reply_timer_(stream_.get_executor()),
          shelter_(std::move(shelter)), by_(std::move(by)) {
        ++*shelter_.open;
    }
    ~session() { --*shelter_.open; }
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    void read() {
        parser_.emplace();
        parser_->body_limit(limits::k_admin_body_bytes_max);
        parser_->header_limit(8 * 1024);
        stream_.expires_after(shelter_.timeout);
        boost::beast::http::async_read(
            stream_, buffer_, *parser_,
            [self = this->shared_from_this()](error_code ec, auto) { self->on_read(ec); });
    }
    void close() {
        reply_timer_.cancel();
        stream_.close();
    }

  private:
    void on_read(error_code ec) {
        namespace http = boost::beast::http;
        if (ec == http::error::body_limit)
            return write(error_response(413, "the request is too large"), false);
        if (ec == http::error::header_limit)
            return write(error_response(431, "the request's header is too large"), false);
        if (ec.category() == http::make_error_code(http::error::bad_method).category() &&
            ec != http::error::end_of_stream && ec != http::error::partial_message)
            return write(error_response(400, "not an HTTP request: " + ec.message()), false);
        if (ec) return close();
        stream_.expires_never();
        auto message = parser_->release();
        keep_alive_ = message.keep_alive();
        request asked;
        asked.method = std::string(message.method_string());
        asked.path = std::string(message.target());
        asked.body = std::move(message.body());
        asked.user = by_.user;
        asked.owner = by_.owner;
        await_reply(std::move(asked));
    }

    // Whoever is first, the handler or the clock, takes the ticket and answers.
    void await_reply(request&& asked) {
        auto ticket = std::make_shared<std::atomic<bool>>(false);
        std::weak_ptr<session> weak = this->shared_from_this();
        reply_timer_.expires_after(shelter_.timeout);
        reply_timer_.async_wait([self = this->shared_from_this(), ticket](error_code ec) {
            if (!ec && !ticket->exchange(true))
                self->write(error_response(504, "no answer in time"), false);
        });
        shelter_.routes->dispatch(
            std::move(asked), [weak, ticket, executor = stream_.get_executor()](response answered) {
                if (ticket->exchange(true)) return;
                boost::asio::dispatch(executor, [weak, answered = std::move(answered)]() mutable {
                    if (auto self = weak.lock()) {
                        self->reply_timer_.cancel();
                        self->write(std::move(answered), self->keep_alive_);
                    }
                });
            });
    }

    void write(response answered, bool keep_alive) {
        namespace http = boost::beast::http;
        message_.emplace(static_cast<http::status>(answered.status), 11, std::move(answered.body));
        message_->set(http::field::content_type, answered.content_type);
        message_->set(http::field::cache_control, "no-store");
        message_->keep_alive(keep_alive);
        message_->prepare_payload();
        stream_.expires_after(shelter_.timeout);
        http::async_write(stream_, *message_,
                          [self = this->shared_from_this(), keep_alive](error_code ec, auto) {
                              if (ec || !keep_alive) return self->close();
                              self->read();
                          });
    }

    stream stream_;
    boost::asio::steady_timer reply_timer_;
    session_shelter shelter_;
    const caller by_;
    boost::beast::flat_buffer buffer_{16 * 1024 + limits::k_admin_body_bytes_max};
    std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
    std::optional<boost::beast::http::response<boost::beast::http::string_body>> message_;
    bool keep_alive_ = false;
};

} // namespace wharf::admin
