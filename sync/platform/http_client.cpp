#include "sync/platform/http_client.hpp"

#include "gateway/platform/tls/stream.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <optional>
#include <set>
#include <vector>

namespace wharf {

namespace {

constexpr int k_interim_answers_max = 16;

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using error_code = boost::system::error_code;
using way = connector_answer::way;

struct connection {
    explicit connection(asio::io_context& io) : stream(beast::tcp_stream(io)) {}
    [[nodiscard]] beast::tcp_stream& tcp() { return stream.next_layer(); }
    tls::stream<beast::tcp_stream> stream;
    beast::flat_buffer buffer;
};

// The peer may have closed a kept connection meanwhile; then it is not used again.
bool still_open(connection& kept) {
    auto& socket = kept.tcp().socket();
    error_code failure;
    socket.non_blocking(true, failure);
    if (failure) return false;
    char byte = 0;
    socket.receive(asio::buffer(&byte, 1), tcp::socket::message_peek, failure);
    return failure == asio::error::would_block; // nothing to read and not at its end
}

} // namespace

struct http_client::pool : std::enable_shared_from_this<http_client::pool> {
    class exchange;

    pool(asio::io_context& io_in, http_url endpoint_in, http_client_options options_in)
        : io(io_in), endpoint(std::move(endpoint_in)), options(std::move(options_in)) {}

    std::unique_ptr<connection> take_idle() {
        while (!idle.empty()) {
            auto kept = std::move(idle.back());
            idle.pop_back();
            if (still_open(*kept)) return kept;
        }
        return nullptr;
    }
    void give_back(std::unique_ptr<connection> used) {
        if (!stopped && idle.size() < options.idle_connections_max) idle.push_back(std::move(used));
    }

    asio::io_context& io;
    const http_url endpoint;
    const http_client_options options;
    std::vector<std::unique_ptr<connection>> idle;
    std::set<exchange*> active;
    std::size_t opened = 0;
    std::size_t resumed = 0;
    bool stopped = false;
};

// One request on its way. Lives as long as an operation of it is pending.
class http_client::pool::exchange : public std::enable_shared_from_this<exchange> {
  public:
    exchange(std::shared_ptr<pool> owner, const http_request& request, handler done)
        : pool_(std::move(owner)), resolver_(pool_->io), done_(std::move(done)) {
        pool_->active.insert(this);
        request_.method(http::verb::post);
        request_.target(request.target);
        request_.version(11);
        request_.set(http::field::host, pool_->endpoint.authority());
        request_.set(http::field::user_agent, "wharf");
        for (const auto& [name, value] : request.headers)
            request_.set(name, value);
        request_.body() = request.body;
        request_.prepare_payload();
    }
    ~exchange() { pool_->active.erase(this); }

    void start() {
        connection_ = pool_->take_idle();
        if (connection_) return write();
        connection_ = std::make_unique<connection>(pool_->io);
        error_code failure;
        const auto address = asio::ip::make_address(pool_->endpoint.host, failure);
        if (!failure) return connect({tcp::endpoint(address, pool_->endpoint.port)});
        resolver_.async_resolve(pool_->endpoint.host, std::to_string(pool_->endpoint.port),
                                [self = this->shared_from_this()](
                                    error_code ec, const tcp::resolver::results_type& to) {
                                    if (ec) return self->finish(way::not_sent, "resolve", ec);
                                    std::vector<tcp::endpoint> endpoints;
                                    for (const auto& entry : to)
                                        endpoints.push_back(entry.endpoint());
                                    self->connect(std::move(endpoints));
                                });
    }

    void abandon() {
        done_ = nullptr;
        resolver_.cancel();
        if (connection_) connection_->tcp().close();
    }

  private:
    void connect(std::vector<tcp::endpoint> endpoints) {
        if (done_ == nullptr) return;
        ++pool_->opened;
        endpoints_ = std::move(endpoints);
        connection_->tcp().expires_after(
            std::chrono::milliseconds(pool_->options.connect_timeout_ms));
        connection_->tcp().async_connect(endpoints_.begin(), endpoints_.end(),
                                         [self = this->shared_from_this()](error_code ec, auto) {
                                             if (ec)
                                                 return self->finish(way::not_sent, "connect", ec);
                                             error_code ignored;
                                             self->connection_->tcp().socket().set_option(
                                                 tcp::no_delay(true), ignored);
                                             self->connected();
                                         });
    }

    void connected() {
        const auto& side = pool_->options.tls;
        if (side == nullptr) return write();
        if (done_ == nullptr) return;
        auto made = side->begin();
        if (!made.ok()) return finish(way::not_sent, made.failure().message);
        connection_->stream.use(std::move(made).value());
        connection_->stream.async_handshake(
            [self = this->shared_from_this()](error_code ec) { self->shook_hands(ec); });
    }

    void shook_hands(error_code ec) {
        auto& side = *pool_->options.tls;
        const auto& with = *connection_->stream.tls();
        if (!ec) {
            side.done(with);
            if (with.resumed()) ++pool_->resumed;
            return write();
        }
        side.failed();
        if (with.refusal().empty()) return finish(way::not_sent, "TLS handshake", ec);
        finish(way::not_sent, "TLS handshake: the certificate of " + pool_->endpoint.host +
                                  " is refused: " + with.refusal());
    }

    void write() {
        if (done_ == nullptr) return;
        connection_->tcp().expires_after(
            std::chrono::milliseconds(pool_->options.request_timeout_ms));
        http::async_write(
            connection_->stream, request_,
            [self = this->shared_from_this()](error_code ec, std::size_t bytes) {
                // Of what TLS could not send, a part may have left.
                const bool nothing = bytes == 0 && self->pool_->options.tls == nullptr;
                if (ec) return self->finish(nothing ? way::not_sent : way::unknown, "send", ec);
                self->read();
            });
    }

    void read() {
        parser_.emplace();
        parser_->body_limit(pool_->options.answer_bytes_max);
        http::async_read(connection_->stream, connection_->buffer, *parser_,
                         [self = this->shared_from_this()](error_code ec, std::size_t) {
                             if (ec) return self->finish(way::unknown, "read the answer", ec);
                             self->answered();
                         });
    }

    void answered() {
        auto message = parser_->release();
        const auto kind = http::to_status_class(message.result_int());
        if (kind == http::status_class::informational) {
            // Not the answer yet; the time-out goes on for all of them together. A change of the
            // protocol was not asked for: what follows it is not HTTP.
            if (message.result() == http::status::switching_protocols ||
                ++interim_answers_ > k_interim_answers_max)
                return finish(way::unknown, "read the answer",
                              asio::error::make_error_code(asio::error::operation_not_supported));
            return read();
        }
        http_exchange out;
        out.how = way::answered;
        out.response.status = static_cast<int>(message.result_int());
        out.response.content_type = message[http::field::content_type];
        out.response.retry_after = message[http::field::retry_after];
        out.response.body = std::move(message.body());
        connection_->tcp().expires_never();
        // Bytes behind the answer were not asked for: such a connection is not trusted again.
        if (message.keep_alive() && connection_->buffer.size() == 0)
            pool_->give_back(std::move(connection_));
        tell(std::move(out));
    }

    void finish(way how, const char* what, error_code ec) {
        finish(how, std::string(what) + ": " +
                        (ec == beast::error::timeout ? std::string("timed out") : ec.message()));
    }

    void finish(way how, std::string words) {
        http_exchange out;
        out.how = how;
        out.words = std::move(words);
        if (connection_) connection_->tcp().close();
        tell(std::move(out));
    }

    void tell(http_exchange out) {
        if (done_ == nullptr || pool_->stopped) return;
        auto done = std::move(done_);
        done_ = nullptr;
        done(std::move(out));
    }

    std::shared_ptr<pool> pool_;
    tcp::resolver resolver_;
    handler done_;
    std::unique_ptr<connection> connection_;
    std::vector<tcp::endpoint> endpoints_;
    http::request<http::string_body> request_;
    std::optional<http::response_parser<http::string_body>> parser_; // one for each answer
    int interim_answers_ = 0;
};

http_client::http_client(asio::io_context& io, http_url endpoint, http_client_options options)
    : pool_(std::make_shared<pool>(io, std::move(endpoint), std::move(options))) {
    WHARF_ASSERT(pool_->endpoint.tls == (pool_->options.tls != nullptr));
}

http_client::~http_client() {
    stop();
}

void http_client::send(const http_request& request, handler done) {
    std::make_shared<pool::exchange>(pool_, request, std::move(done))->start();
}

void http_client::stop() {
    pool_->stopped = true;
    pool_->idle.clear();
    for (auto* under_way : pool_->active)
        under_way->abandon();
}

std::size_t http_client::connections_opened() const {
    return pool_->opened;
}

std::size_t http_client::connections_resumed() const {
    return pool_->resumed;
}

} // namespace wharf
