// The HTTP client against a server that does what the test says. What matters: whether a failure is
// certain not to have reached the ERP.
#include "sync/platform/http_client.hpp"
#include "tests/unit/sync/tiny_server.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <optional>

using namespace wharf;
using namespace wharf::test;
using way = connector_answer::way;

namespace {

struct caller {
    explicit caller(std::uint16_t port, http_client_options options = {})
        : client(io, {"127.0.0.1", port, ""}, options) {}

    http_exchange post(const std::string& body = "{}") {
        std::optional<http_exchange> got;
        client.send({"/v1/updates", {{"X-Test", "1"}}, body},
                    [&](http_exchange exchange) { got = std::move(exchange); });
        io.restart();
        while (!got && io.run_one() > 0) {
        }
        REQUIRE(got.has_value());
        return std::move(*got);
    }
    boost::asio::io_context io;
    http_client client;
};

} // namespace

TEST_CASE("a request is answered, and the connection is used again") {
    std::string head;
    tiny_server server(1, [&](auto& socket, int) {
        std::string body;
        for (int i = 0; i < 2; ++i) {
            head = tiny_server::read_request(socket, body);
            tiny_server::write(
                socket, tiny_server::reply("429 Slow", "later " + body, "Retry-After: 7\r\n"));
        }
    });
    caller c(server.port());
    auto got = c.post("one");
    CHECK(got.how == way::answered);
    CHECK(got.response.status == 429);
    CHECK(got.response.retry_after == "7");
    CHECK(got.response.body == "later one");
    CHECK(c.post("two").response.body == "later two");
    CHECK(c.client.connections_opened() == 1);
    CHECK(head.find("X-Test: 1") != std::string::npos);
    CHECK(head.find("Host: 127.0.0.1:" + std::to_string(server.port())) != std::string::npos);
    c.client.stop();
}

TEST_CASE("a kept connection that the ERP closed meanwhile is not used") {
    std::promise<void> closed;
    tiny_server server(2, [&](auto& socket, int number) {
        std::string body;
        tiny_server::read_request(socket, body);
        tiny_server::write(socket, tiny_server::reply("200 OK", "{}"));
        if (number == 0) {
            socket.close();
            closed.set_value();
        }
    });
    caller c(server.port());
    CHECK(c.post().how == way::answered);
    closed.get_future().wait();
    CHECK(c.post().how == way::answered);
    CHECK(c.client.connections_opened() == 2);
}

TEST_CASE("a refused connection is certain not to have sent anything") {
    std::uint16_t port = 0;
    {
        boost::asio::io_context io;
        tiny_server::tcp::acceptor free(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
        port = free.local_endpoint().port();
    }
    caller c(port);
    CHECK(c.post().how == way::not_sent);
}

TEST_CASE("a name that is not there is certain not to have sent anything") {
    boost::asio::io_context io;
    http_client client(io, {"wharf.invalid", 80, ""}, {});
    std::optional<http_exchange> got;
    client.send({"/", {}, "{}"}, [&](http_exchange exchange) { got = std::move(exchange); });
    io.run();
    REQUIRE(got.has_value());
    CHECK(got->how == way::not_sent);
}

TEST_CASE("a connection that ends after the request has an unknown outcome") {
    tiny_server server(1, [](auto& socket, int) {
        std::string body;
        tiny_server::read_request(socket, body);
    });
    caller c(server.port());
    CHECK(c.post().how == way::unknown);
}

TEST_CASE("half an answer, or what is not HTTP, has an unknown outcome") {
    tiny_server server(2, [](auto& socket, int number) {
        std::string body;
        tiny_server::read_request(socket, body);
        tiny_server::write(socket, number == 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab"
                                               : "220 mail.example ready\r\n\r\n");
    });
    caller c(server.port());
    CHECK(c.post().how == way::unknown);
    CHECK(c.post().how == way::unknown);
}

TEST_CASE("an ERP that does not answer in time has an unknown outcome") {
    std::promise<void> done;
    auto finished = done.get_future();
    tiny_server server(1, [&](auto& socket, int) {
        std::string body;
        tiny_server::read_request(socket, body);
        finished.wait(); // says nothing
    });
    http_client_options options;
    options.request_timeout_ms = 50;
    caller c(server.port(), options);
    const auto got = c.post();
    CHECK(got.how == way::unknown);
    CHECK(got.words.find("timed out") != std::string::npos);
    done.set_value();
}

TEST_CASE("an answer beyond its bound has an unknown outcome") {
    tiny_server server(1, [](auto& socket, int) {
        std::string body;
        tiny_server::read_request(socket, body);
        tiny_server::write(socket, tiny_server::reply("200 OK", std::string(5000, 'x')));
    });
    http_client_options options;
    options.answer_bytes_max = 1000;
    caller c(server.port(), options);
    CHECK(c.post().how == way::unknown);
}

TEST_CASE("an interim answer is not the answer: the one behind it is, and the connection is kept") {
    tiny_server server(1, [](auto& socket, int) {
        std::string body;
        for (int i = 0; i < 2; ++i) {
            if (tiny_server::read_request(socket, body).empty()) return;
            tiny_server::write(socket, "HTTP/1.1 100 Continue\r\n\r\n"
                                       "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n");
            tiny_server::write(socket, tiny_server::reply("200 OK", "for " + body));
        }
    });
    caller c(server.port());
    for (const std::string body : {"one", "two"}) {
        const auto got = c.post(body);
        CHECK(got.how == way::answered);
        CHECK(got.response.status == 200);
        CHECK(got.response.body == "for " + body);
    }
    CHECK(c.client.connections_opened() == 1);
    c.client.stop();
}

TEST_CASE("interim answers without end, or a change of protocol, have an unknown outcome") {
    tiny_server server(2, [](auto& socket, int number) {
        std::string body;
        tiny_server::read_request(socket, body);
        for (int i = 0; number == 0 && i < 100; ++i)
            tiny_server::write(socket, "HTTP/1.1 102 Processing\r\n\r\n");
        if (number == 1)
            tiny_server::write(socket, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" +
                                           tiny_server::reply("200 OK", "{}"));
    });
    caller c(server.port());
    CHECK(c.post().how == way::unknown);
    CHECK(c.post().how == way::unknown);
    CHECK(c.client.connections_opened() == 2);
}

TEST_CASE("a redirect is not followed") {
    tiny_server server(1, [](auto& socket, int) {
        std::string body;
        tiny_server::read_request(socket, body);
        tiny_server::write(socket,
                           tiny_server::reply("302 Found", "", "Location: http://127.0.0.1/\r\n"));
    });
    caller c(server.port());
    const auto got = c.post();
    CHECK(got.how == way::answered);
    CHECK(got.response.status == 302);
    CHECK(c.client.connections_opened() == 1);
}

TEST_CASE("after stop nobody is told, and nothing is left behind") {
    std::promise<void> arrived;
    std::promise<void> done;
    auto finished = done.get_future();
    tiny_server server(1, [&](auto& socket, int) {
        std::string body;
        tiny_server::read_request(socket, body);
        arrived.set_value();
        finished.wait();
    });
    caller c(server.port());
    bool told = false;
    c.client.send({"/", {}, "{}"}, [&](const http_exchange&) { told = true; });
    auto there = arrived.get_future();
    while (there.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
        c.io.poll();
    c.client.stop();
    c.io.restart();
    c.io.run();
    CHECK_FALSE(told);
    done.set_value();
}
