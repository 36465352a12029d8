#include "gateway/platform/tls/reception.hpp"
#include "tests/unit/tls/sockets.hpp"

#include <set>
#include <thread>

namespace wharf::tls {

namespace {

// A server of this machine whose handshakes are made by workers.
class front {
  public:
    explicit front(reception_options options = {}, client_certificates asked = {})
        : server(of.server(server_files("server", "authority.pem"),
                           {.from_clients = asked, .seats = 2})),
          workers(io), acceptor(io, tcp::endpoint(asio::ip::address_v4::any(), 0)),
          desk(workers, clock, spares, options,
               {[this](std::uint64_t number, device_stream one) {
                    CHECK(here.erase(number) == 1);
                    arrived.push_back(std::move(one));
                },
                [this](std::uint64_t number) { CHECK(here.erase(number) == 1); },
                [this](std::uint64_t number) {
                    CHECK(here.contains(number));
                    ++spoke;
                },
                [this](const std::string& text) { said.push_back(text); }}),
          timer(io) {
        REQUIRE(workers.start(2).ok());
        desk.use(server);
        accept();
        tick();
    }
    ~front() { workers.stop(); }
    front(const front&) = delete;
    front& operator=(const front&) = delete;

    // From an address of this machine's many.
    tcp::socket connect(std::uint8_t last = 1) {
        tcp::socket out(io);
        out.open(tcp::v4());
        out.bind(tcp::endpoint(asio::ip::address_v4({127, 0, 0, last}), 0));
        out.connect({asio::ip::address_v4::loopback(), acceptor.local_endpoint().port()});
        out.non_blocking(true);
        return out;
    }
    void wait_for(const std::function<bool()>& so) { run_until(io, so); }

    asio::io_context io;
    sides of;
    running_clock clock;
    spare_buffers spares;
    context_ptr server;
    worker_pool workers;
    tcp::acceptor acceptor;
    std::vector<device_stream> arrived;
    std::vector<std::string> said;
    std::set<std::uint64_t> here; // taken, and neither ready nor gone
    std::size_t spoke = 0;
    reception desk;
    asio::steady_timer timer;

  private:
    std::uint64_t last_taken = 0;

    void accept() {
        acceptor.async_accept([this](auto failed, tcp::socket socket) {
            if (failed) return;
            socket.non_blocking(true);
            here.insert(++last_taken);
            auto address = socket.remote_endpoint().address().to_string();
            desk.take(last_taken, std::move(address), std::move(socket));
            accept();
        });
    }
    void tick() {
        timer.expires_after(std::chrono::milliseconds(20));
        timer.async_wait([this](auto failed) {
            if (failed) return;
            desk.tick();
            tick();
        });
    }
};

struct caller {
    caller(front& at, const context_ptr& with, const std::shared_ptr<const kept_session>& ticket,
           std::uint8_t from = 1)
        : stream(at.connect(from), engine_of(with)) {
        if (ticket != nullptr) stream.tls()->resume(*ticket);
        stream.async_handshake([this](error_code failed) {
            done = true;
            why = failed;
        });
    }
    device_stream stream;
    bool done = false;
    error_code why;
};

std::string first_flight(const context_ptr& client) {
    auto one = engine_of(client);
    REQUIRE(one->handshake() == progress::wants_input);
    return one->output();
}

} // namespace

TEST_CASE("devices are let in after their handshake, many at once, and resume") {
    front at({.handshakes_max = 4});
    const auto client = at.of.client();
    std::vector<std::unique_ptr<caller>> callers;
    std::shared_ptr<const kept_session> ticket;
    for (int round = 0; round < 2; ++round) {
        callers.clear();
        at.arrived.clear();
        for (int i = 0; i < 20; ++i)
            callers.push_back(std::make_unique<caller>(at, client, ticket));
        at.wait_for([&] {
            return at.arrived.size() == 20 &&
                   std::all_of(callers.begin(), callers.end(), [](auto& c) { return c->done; });
        });
        for (auto& one : callers)
            CHECK_FALSE(one->why);
        ticket = callers[0]->stream.tls()->session();
    }
    CHECK(at.desk.counters().full == 20);
    CHECK(at.desk.counters().resumed == 20);
    CHECK(at.spoke == 40);
    CHECK(at.here.empty());
    CHECK(at.desk.size() == 0);
    CHECK(at.desk.under_way() == 0);
    // What came right behind the handshake is not lost.
    error_code failed;
    callers[3]->stream.tls()->write("hello", failed);
    const auto words = std::exchange(callers[3]->stream.tls()->output(), {});
    asio::write(callers[3]->stream.next_layer(), asio::buffer(words));
    std::string got;
    char buffer[100];
    at.wait_for([&] {
        for (auto& one : at.arrived) {
            const auto size = one.read_ready(asio::buffer(buffer), failed);
            if (!failed) got.append(buffer, size);
        }
        return !got.empty();
    });
    CHECK(got == "hello");
}

TEST_CASE("a handshake that stalls is ended after its time, wherever it stalls") {
    front at({.timeout_ms = 150});
    const auto hello = first_flight(at.of.client());
    std::vector<tcp::socket> sockets;
    for (std::size_t size : {std::size_t{0}, std::size_t{1}, hello.size() / 2, hello.size()}) {
        sockets.push_back(at.connect());
        asio::write(sockets.back(), asio::buffer(hello.data(), size));
    }
    at.wait_for([&] { return at.desk.counters().timed_out == 4; });
    CHECK(at.desk.size() == 0);
    CHECK(at.desk.under_way() == 0);
    CHECK(at.arrived.empty());
    CHECK_FALSE(at.said.empty());
}

TEST_CASE("who talks something else than TLS is turned away") {
    front at;
    std::vector<tcp::socket> sockets;
    for (const std::string& text :
         {std::string("\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04help", 18),
          std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string(5000, '\xff')}) {
        sockets.push_back(at.connect());
        asio::write(sockets.back(), asio::buffer(text));
    }
    at.wait_for([&] { return at.desk.counters().failed == 3; });
    CHECK(at.desk.size() == 0);
    CHECK(at.said.size() == 1); // a line a second, not one for each
}

TEST_CASE("a flood of half-finished handshakes gives way to a device, and does not harm another") {
    front at({.handshakes_max = 8, .timeout_ms = 60'000, .patience_ms = 200});
    const auto client = at.of.client();
    caller before(at, client, nullptr);
    at.wait_for([&] { return before.done && at.arrived.size() == 1; });
    REQUIRE_FALSE(before.why);

    const auto hello = first_flight(client);
    std::vector<tcp::socket> flood;
    for (int i = 0; i < 100; ++i) {
        flood.push_back(at.connect());
        asio::write(flood.back(), asio::buffer(hello));
    }
    at.wait_for([&] { return at.desk.size() > 50; });
    CHECK(at.desk.under_way() <= 8);
    caller device(at, client, nullptr);
    at.wait_for([&] {
        CHECK(at.desk.under_way() <= 8);
        return device.done;
    });
    CHECK_FALSE(device.why);
    CHECK(at.desk.counters().shed >= 8);
    CHECK(at.desk.counters().timed_out == 0);

    // The connection that stood before goes on.
    error_code failed;
    before.stream.tls()->write("still here", failed);
    const auto words = std::exchange(before.stream.tls()->output(), {});
    asio::write(before.stream.next_layer(), asio::buffer(words));
    std::string got;
    char buffer[100];
    at.wait_for([&] {
        const auto size = at.arrived.front().read_ready(asio::buffer(buffer), failed);
        if (!failed) got.append(buffer, size);
        return !got.empty();
    });
    CHECK(got == "still here");
}

TEST_CASE("the time in which a device waits for its turn is not its own") {
    front at({.handshakes_max = 1, .timeout_ms = 2000, .patience_ms = 60'000});
    const auto client = at.of.client();
    const auto hello = first_flight(client);
    std::vector<tcp::socket> before; // each keeps the only place for its time
    for (int i = 0; i < 2; ++i) {
        before.push_back(at.connect());
        asio::write(before.back(), asio::buffer(hello));
    }
    at.wait_for([&] { return at.desk.size() == 2 && at.desk.under_way() == 1; });
    caller device(at, client, nullptr);
    at.wait_for([&] { return device.done; });
    CHECK_FALSE(device.why);
    CHECK(at.desk.counters().timed_out == 2);
    CHECK(at.here.empty());
}

TEST_CASE("a turn that never comes ends in its own time") {
    front at(
        {.handshakes_max = 1, .timeout_ms = 60'000, .turn_timeout_ms = 200, .patience_ms = 60'000});
    const auto hello = first_flight(at.of.client());
    std::vector<tcp::socket> sockets;
    for (int i = 0; i < 3; ++i) {
        sockets.push_back(at.connect());
        asio::write(sockets.back(), asio::buffer(hello));
    }
    at.wait_for([&] { return at.desk.counters().timed_out == 2; });
    CHECK(at.desk.size() == 1);
    CHECK(at.desk.under_way() == 1);
}

TEST_CASE("a handshake is not calculated for those who left while they waited, however many") {
    front at({.handshakes_max = 1, .timeout_ms = 3000, .patience_ms = 60'000});
    const auto client = at.of.client();
    const auto hello = first_flight(client);
    auto first = at.connect();
    asio::write(first, asio::buffer(hello));
    at.wait_for([&] { return at.desk.under_way() == 1; });
    {
        std::vector<tcp::socket> impatient;
        for (int i = 0; i < 500; ++i) {
            impatient.push_back(at.connect());
            asio::write(impatient.back(), asio::buffer(hello));
        }
        at.wait_for([&] { return at.spoke == 501; });
    }
    caller device(at, client, nullptr);
    at.wait_for([&] { return device.done; });
    CHECK_FALSE(device.why);
    CHECK(at.desk.counters().failed == 500);
    CHECK(at.desk.counters().full == 1);
    at.wait_for([&] { return at.here.empty(); });
}

TEST_CASE("who has to make room goes, wherever its handshake is") {
    front at({.handshakes_max = 1, .timeout_ms = 60'000, .patience_ms = 60'000});
    const auto hello = first_flight(at.of.client());
    std::vector<tcp::socket> sockets;
    for (const bool speaks : {true, true, false}) {
        sockets.push_back(at.connect());
        if (speaks) asio::write(sockets.back(), asio::buffer(hello));
        const auto wanted = sockets.size();
        at.wait_for([&] {
            return at.here.size() == wanted && at.spoke == std::min<std::size_t>(wanted, 2);
        });
    }
    for (const std::uint64_t number : {3, 2, 1, 1})
        at.desk.drop(number);
    CHECK(at.here.empty());
    CHECK(at.desk.size() == 0);
    CHECK(at.desk.under_way() == 0);
    CHECK(at.desk.counters().shed == 3);
}

TEST_CASE("who waits behind a flood from one address comes before it") {
    front at({.handshakes_max = 8, .timeout_ms = 60'000, .patience_ms = 300});
    const auto client = at.of.client();
    const auto hello = first_flight(client);
    std::vector<tcp::socket> flood;
    for (int i = 0; i < 500; ++i) {
        flood.push_back(at.connect());
        asio::write(flood.back(), asio::buffer(hello));
    }
    at.wait_for([&] { return at.desk.size() > 400; });
    caller device(at, client, nullptr, 2);
    at.wait_for([&] { return device.done; });
    CHECK_FALSE(device.why);
    // In the first round of those that were shed, not in the fiftieth.
    CHECK(at.desk.counters().shed < 100);
}

TEST_CASE("a reception that closes lets everybody go, workers at work or not") {
    for (int i = 0; i < 20; ++i) {
        front at;
        const auto client = at.of.client();
        const auto hello = first_flight(client);
        std::vector<tcp::socket> sockets;
        for (int n = 0; n < 10; ++n) {
            sockets.push_back(at.connect());
            asio::write(sockets.back(), asio::buffer(hello));
        }
        at.wait_for([&] { return at.desk.under_way() > static_cast<std::size_t>(i) / 4; });
        at.desk.stop();
        CHECK(at.desk.size() == 0);
        at.io.restart();
        at.io.run_for(std::chrono::milliseconds(5));
        CHECK(at.arrived.empty());
    }
}

TEST_CASE("while traffic flows new certificates are taken into use, for who comes then") {
    front at;
    const auto client = at.of.client();
    caller before(at, client, nullptr);
    at.wait_for([&] { return before.done && at.arrived.size() == 1; });
    CHECK(before.stream.tls()->peer()->dns_names.size() == 2);
    at.desk.use(at.of.server(server_files("renewed")));
    caller after(at, client, nullptr);
    at.wait_for([&] { return after.done && at.arrived.size() == 2; });
    CHECK(after.stream.tls()->peer()->dns_names.size() == 1);
    error_code failed;
    before.stream.tls()->write("still here", failed);
    asio::write(before.stream.next_layer(),
                asio::buffer(std::exchange(before.stream.tls()->output(), {})));
    char buffer[100];
    std::size_t got = 0;
    at.wait_for([&] {
        got = at.arrived.front().read_ready(asio::buffer(buffer), failed);
        return got != 0;
    });
    CHECK(std::string(buffer, got) == "still here");
}

} // namespace wharf::tls
