#include "tests/unit/tls/sockets.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <array>

namespace wharf::tls {

namespace {

namespace beast = boost::beast;
namespace http = beast::http;

// Two streams over a connection of this machine, plain or with TLS.
struct two_streams {
    two_streams(asio::io_context& io, bool with_tls) {
        socket_pair sockets(io);
        near.emplace(std::move(sockets.near));
        far.emplace(std::move(sockets.far));
        if (!with_tls) return;
        near->use(engine_of(context_of.client()));
        far->use(engine_of(context_of.server()));
        int done = 0;
        auto count = [&](error_code failed) {
            REQUIRE_FALSE(failed);
            ++done;
        };
        near->async_handshake(count);
        far->async_handshake(count);
        run_until(io, [&] { return done == 2; });
    }
    sides context_of;
    std::optional<device_stream> near;
    std::optional<device_stream> far;
};

std::string random_bytes(std::size_t size, unsigned seed) {
    std::mt19937 random(seed);
    std::string out(size, '\0');
    for (char& byte : out)
        byte = static_cast<char>(random());
    return out;
}

// Sends everything in pieces of random sizes, and reads what comes in buffers of random sizes.
class talker {
  public:
    talker(device_stream& over, std::string bytes, std::size_t expected, unsigned seed)
        : over_(over), bytes_(std::move(bytes)), expected_(expected), random_(seed) {}
    void start() {
        send();
        receive();
    }
    [[nodiscard]] bool done() const { return sent_ == bytes_.size() && got.size() == expected_; }
    std::string got;

  private:
    void send() {
        if (sent_ == bytes_.size()) return;
        const auto size = std::min<std::size_t>(bytes_.size() - sent_, 1 + random_() % 100'000);
        const std::array<asio::const_buffer, 3> parts = {
            asio::buffer(bytes_.data() + sent_, size / 2), asio::const_buffer(),
            asio::buffer(bytes_.data() + sent_ + size / 2, size - size / 2)};
        asio::async_write(over_, parts, [this](auto failed, auto count) {
            REQUIRE_FALSE(failed);
            sent_ += count;
            send();
        });
    }
    void receive() {
        if (got.size() == expected_) return;
        into_.resize(1 + random_() % 30'000);
        over_.async_read_some(asio::buffer(into_), [this](auto failed, auto count) {
            REQUIRE_FALSE(failed);
            got.append(into_.data(), count);
            receive();
        });
    }
    device_stream& over_;
    const std::string bytes_;
    const std::size_t expected_;
    std::mt19937 random_;
    std::size_t sent_ = 0;
    std::string into_;
};

} // namespace

TEST_CASE("a stream carries large data both ways at once, plain and with TLS") {
    asio::io_context io;
    const bool with_tls = GENERATE(false, true);
    two_streams both(io, with_tls);
    const auto there = random_bytes(5'000'000, 1);
    const auto back = random_bytes(3'000'000, 2);
    talker near(*both.near, there, back.size(), 3);
    talker far(*both.far, back, there.size(), 4);
    near.start();
    far.start();
    run_until(io, [&] { return near.done() && far.done(); });
    CHECK(near.got == back);
    CHECK(far.got == there);
}

TEST_CASE("a stream is read when there is something, into a buffer that others use too") {
    asio::io_context io;
    const bool with_tls = GENERATE(false, true);
    two_streams both(io, with_tls);
    spare_buffers spares;
    const auto bytes = random_bytes(300'000, 5);
    bool written = false;
    asio::async_write(*both.near, asio::buffer(bytes), [&](auto failed, auto) {
        REQUIRE_FALSE(failed);
        written = true;
    });
    std::array<char, 1000> shared{};
    std::string got;
    std::function<void()> next = [&] {
        both.far->async_readable([&](error_code failed) {
            REQUIRE_FALSE(failed);
            const auto size = both.far->read_ready(asio::buffer(shared), failed);
            if (!failed) got.append(shared.data(), size);
            if (failed) REQUIRE(failed == asio::error::would_block);
            both.far->rest(spares);
            if (got.size() < bytes.size()) next();
        });
    };
    next();
    run_until(io, [&] { return written && got.size() == bytes.size(); });
    CHECK(got == bytes);
    // And then its end.
    error_code failed;
    both.near->shutdown_send(failed);
    CHECK_FALSE(failed);
    bool ended = false;
    both.far->async_readable([&](error_code) {
        both.far->read_ready(asio::buffer(shared), failed);
        ended = true;
    });
    run_until(io, [&] { return ended; });
    CHECK(failed == asio::error::eof);
}

TEST_CASE("a stream that is cut off is not taken for one that has ended") {
    asio::io_context io;
    two_streams both(io, true);
    both.near->next_layer().shutdown(tcp::socket::shutdown_send);
    char byte = 0;
    error_code found;
    both.far->async_read_some(asio::buffer(&byte, 1),
                              [&](error_code failed, auto) { found = failed; });
    run_until(io, [&] { return bool(found); });
    CHECK(found == fault::truncated);
}

TEST_CASE("HTTP passes over TLS with the time-outs of Beast beneath") {
    asio::io_context io;
    sides of;
    socket_pair sockets(io);
    stream<beast::tcp_stream> client(beast::tcp_stream(std::move(sockets.near)));
    stream<beast::tcp_stream> server(beast::tcp_stream(std::move(sockets.far)));
    client.use(engine_of(of.client()));
    server.use(engine_of(of.server()));
    client.next_layer().expires_after(std::chrono::seconds(30));
    http::request<http::string_body> asked(http::verb::post, "/batch", 11);
    asked.body() = random_bytes(200'000, 9);
    asked.prepare_payload();
    http::request_parser<http::string_body> arrived;
    http::response<http::string_body> answer(http::status::ok, 11);
    answer.body() = "taken";
    answer.prepare_payload();
    http::response<http::string_body> answered;
    beast::flat_buffer near;
    beast::flat_buffer far;
    bool done = false;
    server.async_handshake([&](auto failed) {
        REQUIRE_FALSE(failed);
        http::async_read(server, far, arrived, [&](auto ec, auto) {
            REQUIRE_FALSE(ec);
            http::async_write(server, answer, [&](auto gone, auto) { REQUIRE_FALSE(gone); });
        });
    });
    client.async_handshake([&](auto failed) {
        REQUIRE_FALSE(failed);
        http::async_write(client, asked, [&](auto ec, auto) {
            REQUIRE_FALSE(ec);
            http::async_read(client, near, answered, [&](auto gone, auto) {
                REQUIRE_FALSE(gone);
                done = true;
            });
        });
    });
    run_until(io, [&] { return done; });
    CHECK(arrived.get().body() == asked.body());
    CHECK(answered.body() == "taken");
    // Nobody answers any more: the time-out of the layer beneath ends the wait.
    client.next_layer().expires_after(std::chrono::milliseconds(50));
    error_code found;
    http::async_read(client, near, answered, [&](error_code failed, auto) { found = failed; });
    run_until(io, [&] { return bool(found); });
    CHECK(found == beast::error::timeout);
}

} // namespace wharf::tls
