#include "gateway/platform/admin/client.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <sys/un.h>

namespace wharf::admin {

namespace {

namespace http = boost::beast::http;
using unix_stream = boost::asio::local::stream_protocol;
using boost::beast::error_code;

struct exchange {
    explicit exchange(boost::asio::io_context& on) : stream(on) {}

    void start(const std::string& socket_path) {
        parser.body_limit(limits::k_admin_answer_bytes_max);
        stream.expires_after(std::chrono::milliseconds(2 * limits::k_admin_timeout_ms));
        stream.async_connect(unix_stream::endpoint(socket_path), [this](error_code ec) {
            if (ec) return end("connect", ec);
            connected = true;
            http::async_write(stream, question, [this](error_code written, std::size_t) {
                if (written) return end("send", written);
                http::async_read(stream, buffer, parser,
                                 [this](error_code read, std::size_t) { end("read", read); });
            });
        });
    }
    void end(std::string_view step, error_code ec) {
        failed_step = step;
        outcome = ec;
    }

    boost::beast::basic_stream<unix_stream> stream;
    http::request<http::string_body> question;
    http::response_parser<http::string_body> parser;
    boost::beast::flat_buffer buffer;
    bool connected = false;
    std::string_view failed_step;
    error_code outcome;
};

} // namespace

result<response> ask(const std::string& socket_path, std::string_view method, std::string_view path,
                     std::string body) {
    if (socket_path.size() >= sizeof(sockaddr_un{}.sun_path))
        return error{errc::invalid, socket_path + " is too long for a Unix socket"};
    boost::asio::io_context on;
    exchange talk(on);
    talk.question.method_string({method.data(), method.size()});
    talk.question.target({path.data(), path.size()});
    talk.question.version(11);
    talk.question.set(http::field::host, "wharfd");
    talk.question.keep_alive(false);
    talk.question.body() = std::move(body);
    talk.question.prepare_payload();
    talk.start(socket_path);
    on.run();
    if (!talk.connected)
        return error{errc::not_found,
                     "nobody answers on " + socket_path + ": " + talk.outcome.message()};
    if (talk.outcome)
        return error{errc::io, std::string(talk.failed_step) + ": " + talk.outcome.message()};
    auto message = talk.parser.release();
    return response{static_cast<int>(message.result_int()), std::move(message.body()),
                    std::string(message[http::field::content_type])};
}

std::string encoded_segment(std::string_view text) {
    std::string out;
    for (char c : text) {
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_' || c == '.' || c == '~';
        out += plain ? std::string(1, c) : "%" + to_hex({&c, 1});
    }
    return out;
}

} // namespace wharf::admin
