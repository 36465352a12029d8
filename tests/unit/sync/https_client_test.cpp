// The HTTP client towards an ERP with TLS. What matters: that nothing is sent to whom it must not
// be, and that a connection that is opened again is cheap.
#include "gateway/platform/tls/client_side.hpp"
#include "sync/platform/http_client.hpp"
#include "tests/unit/tls/sockets.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <filesystem>
#include <list>
#include <unistd.h>

namespace wharf::tls {

namespace {

namespace http = boost::beast::http;
using way = connector_answer::way;

enum class ending { kept, closed, broken_off };

// An ERP that says what was sent to it.
class https_erp {
  public:
    https_erp(asio::io_context& io, context_ptr with, ending after = ending::kept)
        : with_(std::move(with)), after_(after),
          acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
        accept();
    }
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    void use(context_ptr with) { with_ = std::move(with); }

    int handshakes_failed = 0;
    std::vector<std::string> devices; // common names of who has sent something
    std::vector<std::string> bodies;

  private:
    struct visitor {
        visitor(tcp::socket socket, const context_ptr& with)
            : stream(std::move(socket), engine_of(with)) {}
        device_stream stream;
        boost::beast::flat_buffer buffer;
        http::request<http::string_body> request;
        http::response<http::string_body> response;
    };
    void accept() {
        acceptor_.async_accept([this](auto failed, tcp::socket socket) {
            if (failed) return;
            auto& one = visitors_.emplace_back(std::move(socket), with_);
            one.stream.async_handshake([this, &one](error_code ec) {
                if (ec) {
                    ++handshakes_failed;
                    return one.stream.close();
                }
                read(one);
            });
            accept();
        });
    }
    void read(visitor& from) {
        from.request = {};
        http::async_read(from.stream, from.buffer, from.request, [this, &from](auto ec, auto) {
            if (ec) return;
            bodies.push_back(from.request.body());
            devices.push_back(from.stream.peer() != nullptr ? from.stream.peer()->common_name : "");
            from.response = {http::status::ok, 11};
            from.response.body() = "got " + from.request.body();
            from.response.keep_alive(after_ == ending::kept);
            if (after_ == ending::kept) from.response.prepare_payload();
            http::async_write(from.stream, from.response, [this, &from](auto gone, auto) {
                error_code ignored;
                if (after_ == ending::closed) from.stream.shutdown_send(ignored);
                if (after_ == ending::broken_off) from.stream.next_layer().close(ignored);
                if (!gone && after_ == ending::kept) read(from);
            });
        });
    }
    context_ptr with_;
    const ending after_;
    tcp::acceptor acceptor_;
    std::list<visitor> visitors_;
};

struct caller {
    explicit caller(asio::io_context& on, sides& of, std::uint16_t port,
                    const file_names& files = client_files(), const char* host = "localhost")
        : io(on) {
        http_client_options options;
        options.tls = std::make_shared<client_side>(
            files, host, of.clock,
            client_side::callbacks{[this](bool bad, const std::string& text) {
                said.push_back((bad ? "bad: " : "good: ") + text);
            }});
        REQUIRE(options.tls->load().ok());
        client.emplace(io, http_url{host, port, "", true}, options);
    }
    http_exchange post(const std::string& body) {
        std::optional<http_exchange> got;
        client->send({"/v1/updates", {}, body},
                     [&](http_exchange exchange) { got = std::move(exchange); });
        run_until(io, [&] { return got.has_value(); });
        return std::move(*got);
    }
    asio::io_context& io;
    std::vector<std::string> said;
    std::optional<http_client> client;
};

} // namespace

TEST_CASE("a request goes over TLS, and the connection is used again") {
    asio::io_context io;
    sides of;
    https_erp erp(io, of.server());
    caller c(io, of, erp.port());
    CHECK(c.post("one").response.body == "got one");
    CHECK(c.post(std::string(300'000, 'x')).response.body.size() == 300'004);
    CHECK(c.client->connections_opened() == 1);
}

TEST_CASE("an ERP that cannot be verified is sent nothing, and it is said why") {
    sides of;
    struct {
        const char* server;
        file_names files;
        const char* host;
        const char* words;
    } const cases[] = {
        {"server", client_files("stranger.pem"), "localhost", "not correctly signed"},
        {"elsewhere", client_files(), "localhost", "expected CN"},
        {"elsewhere", client_files(), "127.0.0.1", "expected CN"},
        {"revoked", client_files("authority.pem", "", "revoked.crl"), "localhost", "revoked"},
    };
    for (const auto& one : cases) {
        INFO(one.server << " " << one.host << " " << one.words);
        asio::io_context io;
        https_erp erp(io, of.server(server_files(one.server)));
        caller c(io, of, erp.port(), one.files, one.host);
        const auto got = c.post("secret");
        CHECK(got.how == way::not_sent);
        INFO(got.words);
        CHECK(got.words.find(one.words) != std::string::npos);
        CHECK(erp.bodies.empty());
    }
}

TEST_CASE("an ERP whose certificate has ended, or has not begun, is sent nothing") {
    asio::io_context io;
    sides of;
    https_erp erp(io, of.server());
    const auto period = of.server()->own_period();
    for (auto at_s : {period.from_s - 100, period.to_s + 100}) {
        of.clock.wall_s = at_s;
        caller c(io, of, erp.port());
        CHECK(c.post("secret").how == way::not_sent);
    }
    CHECK(erp.bodies.empty());
}

TEST_CASE("an ERP that asks for a certificate gets ours") {
    asio::io_context io;
    sides of;
    https_erp erp(io, of.server(server_files("server", "authority.pem"),
                                {.from_clients = client_certificates::required}));
    caller known(io, of, erp.port(), client_files("authority.pem", "device"));
    CHECK(known.post("one").how == way::answered);
    CHECK(erp.devices == std::vector<std::string>{"scanner-07"});
    caller nobody(io, of, erp.port());
    CHECK(nobody.post("two").how != way::answered);
    CHECK(erp.bodies.size() == 1);
}

TEST_CASE("a connection that is opened again resumes its session") {
    asio::io_context io;
    sides of;
    https_erp erp(io, of.server(), ending::closed);
    caller c(io, of, erp.port());
    for (int i = 0; i < 4; ++i)
        CHECK(c.post("one").how == way::answered);
    CHECK(c.client->connections_opened() == 4);
    CHECK(c.client->connections_resumed() == 3);
    // Not past its age, and not by a certificate that has ended since.
    of.clock.pass_s(limits::k_tls_session_s_max + 1);
    CHECK(c.post("two").how == way::answered);
    CHECK(c.client->connections_resumed() == 3);
    of.clock.wall_s = of.server()->own_period().to_s + 100;
    CHECK(c.post("three").how == way::not_sent);
}

TEST_CASE("an answer that may have been cut off has an unknown outcome") {
    asio::io_context io;
    sides of;
    https_erp erp(io, of.server(), ending::broken_off);
    caller c(io, of, erp.port());
    CHECK(c.post("one").how == way::unknown);
    https_erp honest(io, of.server(), ending::closed);
    caller d(io, of, honest.port());
    CHECK(d.post("one").how == way::answered);
}

TEST_CASE("plain HTTP where TLS is expected is not spoken to") {
    asio::io_context io;
    sides of;
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    std::string got;
    std::optional<tcp::socket> socket;
    std::string buffer(1000, '\0');
    acceptor.async_accept([&](auto failed, tcp::socket came) {
        REQUIRE_FALSE(failed);
        socket.emplace(std::move(came));
        socket->async_read_some(asio::buffer(buffer), [&](auto, auto size) {
            got = buffer.substr(0, size);
            asio::write(*socket, asio::buffer(std::string("HTTP/1.1 400 Bad\r\n\r\n")));
        });
    });
    caller c(io, of, acceptor.local_endpoint().port());
    CHECK(c.post("secret").how == way::not_sent);
    CHECK(got.find("secret") == std::string::npos);
    CHECK(got.find("POST") == std::string::npos);
}

TEST_CASE("an ERP that says nothing at the handshake is waited for so long and no longer") {
    asio::io_context io;
    sides of;
    tcp::acceptor silent(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    http_client_options options;
    options.connect_timeout_ms = 100;
    options.tls = std::make_shared<client_side>(client_files(), "localhost", of.clock,
                                                client_side::callbacks{});
    REQUIRE(options.tls->load().ok());
    http_client client(io, {"localhost", silent.local_endpoint().port(), "", true}, options);
    std::optional<http_exchange> got;
    client.send({"/", {}, "x"}, [&](http_exchange exchange) { got = std::move(exchange); });
    run_until(io, [&] { return got.has_value(); });
    CHECK(got->how == way::not_sent);
    CHECK(got->words == "TLS handshake: timed out");
}

TEST_CASE("authorities that are replaced are trusted from the next connection on") {
    asio::io_context io;
    sides of;
    const auto folder =
        std::filesystem::temp_directory_path() / ("wharf-https-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    auto install = [&](const std::string& text) {
        std::ofstream(folder / "new") << text;
        std::filesystem::rename(folder / "new", folder / "ca.pem");
        of.clock.pass_s(limits::k_tls_look_s + 1);
    };
    install(contents(file("authority.pem")));
    https_erp erp(io, of.server(), ending::closed);
    caller c(io, of, erp.port(), {"", "", folder / "ca.pem", ""});
    CHECK(c.post("one").how == way::answered);
    install("nonsense");
    CHECK(c.post("two").how == way::answered);
    REQUIRE(c.said.size() == 1);
    CHECK(c.said[0].starts_with("bad: changed TLS files are refused"));
    install(contents(file("stranger.pem")));
    CHECK(c.post("three").how == way::not_sent);
    CHECK(c.said.back().starts_with("good:"));
    erp.use(of.server(server_files("unknown")));
    CHECK(c.post("four").how == way::answered);
    std::filesystem::remove_all(folder);
}

} // namespace wharf::tls
