// Sockets of this machine for the tests of TLS.
#pragma once

#include "gateway/platform/tls/stream.hpp"
#include "tests/unit/tls/rig.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>

namespace wharf::tls {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

// Time that passes, on a date on which the certificates are good.
class running_clock : public clock_port {
  public:
    std::int64_t wall_us() override { return wall_s * 1'000'000; }
    std::int64_t monotonic_us() override {
        const auto now = std::chrono::steady_clock::now().time_since_epoch();
        return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    }
    bool wall_synchronised() override { return true; }
    std::atomic<std::int64_t> wall_s = good_time_s();
};

struct socket_pair {
    explicit socket_pair(asio::io_context& io) : near(io), far(io) {
        tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        near.connect(acceptor.local_endpoint());
        far = acceptor.accept();
        near.non_blocking(true);
        far.non_blocking(true);
    }
    tcp::socket near;
    tcp::socket far;
};

// Runs until something is so; a test fails where it takes much too long.
inline void run_until(asio::io_context& io, const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    io.restart();
    while (!so()) {
        REQUIRE(std::chrono::steady_clock::now() < end);
        if (io.stopped()) io.restart();
        io.run_one_for(std::chrono::milliseconds(20));
    }
}

} // namespace wharf::tls
