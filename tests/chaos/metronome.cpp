#include "tests/chaos/metronome.hpp"

#include <array>
#include <chrono>
#include <cstdlib>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace chaos {
namespace {

using namespace std::chrono_literals;

constexpr auto k_beat = 5ms;
constexpr std::array<unsigned char, 4> k_connack = {0x20, 0x02, 0x00, 0x00};
// PUBLISH, QoS 0, topic "t", no payload.
constexpr std::array<unsigned char, 5> k_publish = {0x30, 0x03, 0x00, 0x01, 't'};

} // namespace

metronome::metronome() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    auto* address = reinterpret_cast<sockaddr*>(&where);
    if (listener_ < 0 || bind(listener_, address, size) != 0 || listen(listener_, 1) != 0 ||
        getsockname(listener_, address, &size) != 0) {
        std::abort();
    }
    peer_ = std::thread([this] { play(); });
    client_ = std::make_unique<mqtt::async_client>(
        "tcp://127.0.0.1:" + std::to_string(ntohs(where.sin_port)), "metronome", nullptr);
    client_->set_message_callback([](const mqtt::const_message_ptr&) {});
    mqtt::connect_options options;
    options.set_keep_alive_interval(0);
    client_->connect(options);
}

metronome::~metronome() {
    stop_ = true;
    peer_.join();
    close(listener_);
}

void metronome::play() {
    pollfd waiting{listener_, POLLIN, 0};
    while (!stop_ && poll(&waiting, 1, 100) <= 0) {
    }
    if (stop_) return;
    const int fd = accept(listener_, nullptr, nullptr);
    std::array<char, 256> connect{};
    bool well = recv(fd, connect.data(), connect.size(), 0) > 0 &&
                send(fd, k_connack.data(), k_connack.size(), MSG_NOSIGNAL) > 0;
    while (well && !stop_) {
        std::this_thread::sleep_for(k_beat);
        well = !on_ || send(fd, k_publish.data(), k_publish.size(), MSG_NOSIGNAL) > 0;
    }
    close(fd);
}

} // namespace chaos
