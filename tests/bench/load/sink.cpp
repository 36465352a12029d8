#include "tests/bench/load/sink.hpp"

#include "tests/bench/load/net.hpp"
#include "tests/bench/load/wire.hpp"

#include <cstdio>
#include <map>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace bench {

namespace {

constexpr std::size_t k_buffer_bytes = 256 * 1024;

struct client {
    fd_owner socket;
    int version = 4;
    std::string input;  // the part of a packet that came
    std::string output; // what the socket did not take
};

void answer(client& to, const packet_view& packet) {
    switch (packet.type) {
    case k_connect:
        to.version = packet.body.size() > 6 ? packet.body[6] : 4;
        to.output.append(to.version == 5 ? std::string("\x20\x03\x00\x00\x00", 5)
                                         : std::string("\x20\x02\x00\x00", 4));
        break;
    case k_publish: {
        const std::uint16_t id = packet_id_of_publish(packet.body);
        const char puback[] = {0x40, 2, static_cast<char>(id >> 8), static_cast<char>(id)};
        to.output.append(puback, sizeof puback);
        break;
    }
    case k_pingreq:
        to.output.append("\xd0\x00", 2);
        break;
    default:
        break;
    }
}

// False once the connection is over.
bool serve(client& one, char* buffer) {
    const std::ptrdiff_t got = receive(one.socket.get(), buffer, k_buffer_bytes);
    if (got == k_closed) return false;
    std::string_view bytes(buffer, static_cast<std::size_t>(got));
    if (!one.input.empty()) {
        one.input.append(bytes);
        bytes = one.input;
    }
    std::size_t at = 0;
    while (true) {
        const packet_view packet = first_packet(bytes.substr(at));
        if (packet.size == 0) break;
        answer(one, packet);
        at += packet.size;
    }
    one.input = std::string(bytes.substr(at));
    const std::ptrdiff_t sent = send_some(one.socket.get(), one.output.data(), one.output.size());
    if (sent == k_closed) return false;
    one.output.erase(0, static_cast<std::size_t>(sent)); // acknowledgements are small: later
    return true;
}

} // namespace

void run_sink(std::uint16_t port) {
    constexpr std::uint64_t k_listener = ~std::uint64_t{0};
    const fd_owner listener = listen_on(port);
    poller poll;
    poll.add(listener.get(), EPOLLIN, k_listener);
    std::map<std::uint64_t, client> clients;
    std::uint64_t last = 0;
    std::string buffer(k_buffer_bytes, '\0');
    std::printf("ready\n");
    std::fflush(stdout);
    while (true)
        poll.wait(1'000'000'000, [&](std::uint64_t which, std::uint32_t) {
            if (which != k_listener) {
                if (!serve(clients.at(which), buffer.data())) clients.erase(which);
                return;
            }
            fd_owner accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK));
            if (accepted.get() < 0) return;
            set_no_delay(accepted.get());
            poll.add(accepted.get(), EPOLLIN, ++last);
            clients.emplace(last, client{std::move(accepted), 4, {}, {}});
        });
}

} // namespace bench
