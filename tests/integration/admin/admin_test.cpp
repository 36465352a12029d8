#include "gateway/platform/admin/client.hpp"
#include "gateway/platform/admin/server.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>

#include <fstream>
#include <future>
#include <optional>
#include <stdlib.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace wharf;
using Catch::Matchers::Contains;

namespace {

namespace asio = boost::asio;

struct rig {
    explicit rig(std::uint32_t timeout_ms = 5000) {
        char pattern[] = "/tmp/wharf-admin-XXXXXX";
        REQUIRE(::mkdtemp(pattern) != nullptr);
        folder = pattern;
        options.socket_path = folder + "/wharfd.sock";
        options.timeout_ms = timeout_ms;
        commands.handle_now("GET", "/v1/books", [](const admin::request&) {
            return admin::response{200, "{}"};
        });
        commands.handle("POST", "/v1/dead/{destination}/{sequence}/discard",
                        [this](const admin::request& asked, const admin::answer& reply) {
                            // As delivery does it: the answer comes from another thread.
                            later = std::thread([asked, reply] {
                                reply({200, asked.parameters.at("destination") + "|" +
                                                asked.parameters.at("sequence") + "|" +
                                                asked.body});
                            });
                        });
        commands.handle("GET", "/never", [this](const admin::request&, admin::answer reply) {
            unanswered.push_back(std::move(reply));
        });
        pages.handle_now("GET", "/healthz", [](const admin::request&) {
            return admin::response{503, "{\"status\":\"failing\"}"};
        });
    }
    ~rig() {
        if (server) asio::post(context, [this] { server->stop(); });
        guard.reset();
        if (runner.joinable()) runner.join();
        if (later.joinable()) later.join();
        server.reset();
        ::unlink(options.socket_path.c_str());
        ::rmdir(folder.c_str());
    }
    status start() {
        server.emplace(context.get_executor(), commands, pages);
        auto started = server->start(options);
        runner = std::thread([this] { context.run(); });
        return started;
    }
    admin::response ask(std::string_view method, std::string_view path, std::string body = {}) {
        auto got = admin::ask(options.socket_path, method, path, std::move(body));
        if (!got.ok()) FAIL(got.failure().message);
        return std::move(got).value();
    }
    // What the TCP side answers to these bytes, up to the end of the connection.
    std::string raw(const std::string& bytes) {
        asio::io_context local;
        asio::ip::tcp::socket socket(local);
        socket.connect({asio::ip::make_address("127.0.0.1"), server->http_port()});
        asio::write(socket, asio::buffer(bytes));
        std::string out;
        boost::system::error_code ec;
        asio::read(socket, asio::dynamic_buffer(out), ec);
        return out;
    }

    std::string folder;
    admin::server_options options;
    admin::router commands;
    admin::router pages;
    asio::io_context context;
    asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
    std::optional<admin::server> server;
    std::thread runner;
    std::thread later;
    std::vector<admin::answer> unanswered;
};

} // namespace

TEST_CASE("a command is answered over the Unix socket, also from another thread") {
    rig at;
    REQUIRE(at.start().ok());
    CHECK(at.ask("GET", "/v1/books").body == "{}");
    auto answered = at.ask("POST", "/v1/dead/erp%2D1/42/discard", "{\"reason\":\"x\"}");
    CHECK(answered.status == 200);
    CHECK(answered.body == "erp-1|42|{\"reason\":\"x\"}");
    CHECK(answered.content_type == "application/json");
}

TEST_CASE("the socket is open to its owner and group alone") {
    rig at;
    REQUIRE(at.start().ok());
    struct stat what {};
    REQUIRE(::stat(at.options.socket_path.c_str(), &what) == 0);
    CHECK((what.st_mode & 0777) == 0660);
}

TEST_CASE("what is not there is refused as JSON") {
    rig at;
    REQUIRE(at.start().ok());
    CHECK(at.ask("GET", "/nothing").status == 404);
    CHECK_THAT(at.ask("GET", "/nothing").body, Contains("{\"error\":"));
    CHECK(at.ask("DELETE", "/v1/books").status == 405);
    CHECK(at.ask("GET", "/v1/%zz").status == 400);
}

TEST_CASE("commands are not reachable over TCP") {
    rig at;
    REQUIRE(at.start().ok());
    CHECK_THAT(at.raw("GET /v1/books HTTP/1.0\r\n\r\n"), Contains(" 404 "));
    CHECK_THAT(at.raw("GET /healthz HTTP/1.0\r\n\r\n"), Contains(" 503 ") && Contains("failing"));
}

TEST_CASE("a body over the bound and bytes that are not HTTP are refused with words") {
    rig at;
    REQUIRE(at.start().ok());
    CHECK(at.ask("POST", "/v1/books", std::string(64 * 1024, 'x')).status == 405);
    CHECK_THAT(at.raw("POST /healthz HTTP/1.1\r\nContent-Length: 65537\r\n\r\n"),
               Contains(" 413 "));
    CHECK_THAT(at.raw("\x10\x04MQTT\r\n\r\n"), Contains(" 400 "));
    CHECK(at.ask("GET", "/v1/books").status == 200);
}

TEST_CASE("a handler that never answers becomes a 504, a late answer is ignored") {
    rig at(50);
    REQUIRE(at.start().ok());
    CHECK(at.ask("GET", "/never").status == 504);
    REQUIRE(at.unanswered.size() == 1);
    at.unanswered[0]({200, "late"});
    CHECK(at.ask("GET", "/v1/books").status == 200);
}

TEST_CASE("a client that says nothing is let go") {
    rig at(50);
    REQUIRE(at.start().ok());
    CHECK(at.raw("") == "");
}

TEST_CASE("connections are bounded, and free again when their clients leave") {
    rig at;
    REQUIRE(at.start().ok());
    asio::io_context local;
    using unix_stream = asio::local::stream_protocol;
    std::vector<unix_stream::socket> idle;
    for (int i = 0; i < 16; ++i) {
        idle.emplace_back(local).connect(unix_stream::endpoint(at.options.socket_path));
        // One exchange each, so that all of them are known to have been accepted.
        asio::write(idle.back(), asio::buffer(std::string("GET /x HTTP/1.1\r\n\r\n")));
        char first = 0;
        asio::read(idle.back(), asio::buffer(&first, 1));
    }
    CHECK_FALSE(admin::ask(at.options.socket_path, "GET", "/v1/books").ok());
    idle.clear();
    bool answered = false;
    for (int i = 0; i < 1000 && !answered; ++i)
        answered = admin::ask(at.options.socket_path, "GET", "/v1/books").ok();
    CHECK(answered);
}

TEST_CASE("a socket file that nobody answers on is taken over") {
    rig at;
    {
        asio::io_context local;
        asio::local::stream_protocol::acceptor left(
            local, asio::local::stream_protocol::endpoint(at.options.socket_path));
    }
    REQUIRE(at.start().ok());
    CHECK(at.ask("GET", "/v1/books").status == 200);
}

TEST_CASE("a socket that another process answers on, and a file that is none, are left alone") {
    rig first;
    REQUIRE(first.start().ok());
    rig second;
    auto own = second.options.socket_path;
    second.options.socket_path = first.options.socket_path;
    auto refused = second.start();
    second.options.socket_path = own;
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.failure().code == errc::conflict);
    CHECK(first.ask("GET", "/v1/books").status == 200);

    rig third;
    std::ofstream(third.options.socket_path) << "mine";
    auto not_a_socket = third.start();
    REQUIRE_FALSE(not_a_socket.ok());
    CHECK_THAT(not_a_socket.failure().message, Contains("is not a socket"));
}

TEST_CASE("an address that other machines reach is refused") {
    rig at;
    at.options.http_address = "0.0.0.0";
    auto refused = at.start();
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.failure().code == errc::invalid);
}

TEST_CASE("after a stop the socket's file is gone and asking says so") {
    rig at;
    REQUIRE(at.start().ok());
    std::promise<void> stopped;
    asio::post(at.context, [&] {
        at.server->stop();
        stopped.set_value();
    });
    stopped.get_future().wait();
    CHECK(::access(at.options.socket_path.c_str(), F_OK) != 0);
    auto asked = admin::ask(at.options.socket_path, "GET", "/v1/books");
    REQUIRE_FALSE(asked.ok());
    CHECK(asked.failure().code == errc::not_found);
}
