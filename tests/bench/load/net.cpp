#include "tests/bench/load/net.hpp"

#include "tests/bench/load/wire.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace bench {

namespace {
constexpr int k_events_max = 256;
epoll_event happened[k_events_max]; // one thread, one poller
} // namespace

void die(std::string_view what) {
    std::fprintf(stderr, "bench: %.*s\n", static_cast<int>(what.size()), what.data());
    std::exit(3);
}

void die_of_errno(std::string_view what) {
    die(std::string(what) + ": " + std::strerror(errno));
}

std::int64_t now_ns() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

double cpu_s() {
    rusage used;
    getrusage(RUSAGE_SELF, &used);
    auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

fd_owner::~fd_owner() {
    if (fd_ >= 0) ::close(fd_);
}

fd_owner& fd_owner::operator=(fd_owner&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

namespace {
sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}
fd_owner stream_socket() {
    fd_owner made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (made.get() < 0) die_of_errno("socket");
    return made;
}
} // namespace

fd_owner connect_to(std::uint16_t port) {
    fd_owner made = stream_socket();
    const sockaddr_in address = loopback(port);
    if (::connect(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        die_of_errno("connect to port " + std::to_string(port));
    set_no_delay(made.get());
    return made;
}

fd_owner listen_on(std::uint16_t port) {
    fd_owner made = stream_socket();
    const int yes = 1;
    setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    const sockaddr_in address = loopback(port);
    if (::bind(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(made.get(), 1024) != 0)
        die_of_errno("listen on port " + std::to_string(port));
    set_nonblocking(made.get());
    return made;
}

void set_nonblocking(int fd) {
    if (::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) die_of_errno("fcntl");
}

void set_no_delay(int fd) {
    const int yes = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0) die_of_errno("no delay");
}

void send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0) die_of_errno("send");
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

std::string expect_packet(int fd, std::uint8_t type) {
    std::string bytes;
    char byte = 0;
    while (true) {
        const packet_view found = first_packet(bytes);
        if (found.size > 0) {
            if (found.type != type)
                die("expected packet type " + std::to_string(type) + ", got " +
                    std::to_string(found.type));
            return std::string(found.body);
        }
        if (::recv(fd, &byte, 1, 0) != 1) die("the connection ended before its answer");
        bytes.push_back(byte);
    }
}

std::ptrdiff_t receive(int fd, char* to, std::size_t size) {
    const ssize_t got = ::recv(fd, to, size, 0);
    if (got > 0) return got;
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    return k_closed;
}

std::ptrdiff_t send_some(int fd, const char* from, std::size_t size) {
    const ssize_t sent = ::send(fd, from, size, MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno == EAGAIN || errno == EINTR) return 0;
    return k_closed;
}

poller::poller() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (fd_.get() < 0) die_of_errno("epoll");
}

void poller::add(int fd, std::uint32_t events, std::uint64_t data) {
    epoll_event wanted{};
    wanted.events = events;
    wanted.data.u64 = data;
    if (::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &wanted) != 0) die_of_errno("epoll add");
}

void poller::change(int fd, std::uint32_t events, std::uint64_t data) {
    epoll_event wanted{};
    wanted.events = events;
    wanted.data.u64 = data;
    if (::epoll_ctl(fd_.get(), EPOLL_CTL_MOD, fd, &wanted) != 0) die_of_errno("epoll change");
}

void poller::remove(int fd) {
    if (::epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, nullptr) != 0) die_of_errno("epoll remove");
}

int poller::wait_raw(std::int64_t timeout_ns) {
    timeout_ns = std::max<std::int64_t>(timeout_ns, 0);
    timespec timeout;
    timeout.tv_sec = static_cast<time_t>(timeout_ns / 1'000'000'000);
    timeout.tv_nsec = static_cast<long>(timeout_ns % 1'000'000'000);
    const int count = ::epoll_pwait2(fd_.get(), happened, k_events_max, &timeout, nullptr);
    if (count < 0 && errno != EINTR) die_of_errno("epoll wait");
    return std::max(count, 0);
}

std::uint64_t poller::data_of(int index) const {
    return happened[index].data.u64;
}

std::uint32_t poller::events_of(int index) const {
    return happened[index].events;
}

} // namespace bench
