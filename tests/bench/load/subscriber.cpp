#include "tests/bench/load/subscriber.hpp"

#include "tests/bench/load/net.hpp"
#include "tests/bench/load/wire.hpp"

#include <sys/epoll.h>

namespace bench {

namespace {

constexpr std::size_t k_buffer_bytes = 256 * 1024;

fd_owner resume(std::uint16_t port, const std::string& client_id) {
    fd_owner socket = connect_to(port);
    send_all(socket.get(), connect_packet(4, client_id, true));
    static_cast<void>(expect_packet(socket.get(), k_connack));
    return socket;
}

} // namespace

void leave_subscription(std::uint16_t port, const std::string& client_id,
                        const std::string& filter) {
    const fd_owner socket = resume(port, client_id);
    send_all(socket.get(), subscribe_packet(4, filter));
    static_cast<void>(expect_packet(socket.get(), k_suback));
    send_all(socket.get(), std::string("\xe0\x00", 2));
}

namespace {

// Until so many came, none for idle_s, or all for_s are over.
drain_report receive_all(const fd_owner& socket, std::uint64_t count, double idle_s, double for_s) {
    const std::int64_t began = now_ns();
    std::int64_t last = began;
    set_nonblocking(socket.get());
    poller poll;
    poll.add(socket.get(), EPOLLIN, 0);
    drain_report out;
    std::string buffer(k_buffer_bytes, '\0');
    std::string input;
    auto since = [](std::int64_t then) { return static_cast<double>(now_ns() - then) / 1e9; };
    while (out.received < count && since(last) < idle_s && since(began) < for_s) {
        poll.wait(100'000'000, [&](std::uint64_t, std::uint32_t) {
            const std::ptrdiff_t got = receive(socket.get(), buffer.data(), buffer.size());
            if (got == k_closed) die("the broker closed the subscription");
            input.append(buffer.data(), static_cast<std::size_t>(got));
            std::string acks;
            std::size_t at = 0;
            for (packet_view packet = first_packet(input); packet.size > 0;
                 packet = first_packet(std::string_view(input).substr(at))) {
                at += packet.size;
                if (packet.type != k_publish) continue;
                ++out.received;
                if ((packet.flags & 6) != 0)
                    acks.append(puback_packet(packet_id_of_publish(packet.body)));
            }
            input.erase(0, at);
            if (at > 0) last = now_ns();
            while (!acks.empty()) {
                const std::ptrdiff_t sent = send_some(socket.get(), acks.data(), acks.size());
                if (sent == k_closed) die("the broker closed the subscription");
                acks.erase(0, static_cast<std::size_t>(sent));
            }
        });
    }
    out.seconds = static_cast<double>(last - began) / 1e9;
    return out;
}

} // namespace

drain_report drain(std::uint16_t port, const std::string& client_id, std::uint64_t count,
                   double idle_s) {
    return receive_all(resume(port, client_id), count, idle_s, 1e9);
}

drain_report listen(std::uint16_t port, const std::string& client_id, const std::string& filter,
                    unsigned qos, double seconds) {
    const fd_owner socket = connect_to(port);
    send_all(socket.get(), connect_packet(4, client_id, false));
    static_cast<void>(expect_packet(socket.get(), k_connack));
    send_all(socket.get(), subscribe_packet(4, filter, qos));
    static_cast<void>(expect_packet(socket.get(), k_suback));
    return receive_all(socket, UINT64_MAX, seconds, seconds);
}

} // namespace bench
