// Sockets of the benches: loopback, one thread, and a failure ends the program with its words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bench {

[[noreturn]] void die(std::string_view what);
[[noreturn]] void die_of_errno(std::string_view what);

// By the monotonic clock.
[[nodiscard]] std::int64_t now_ns();
// Of this process, user and system.
[[nodiscard]] double cpu_s();

class fd_owner {
  public:
    explicit fd_owner(int fd = -1) : fd_(fd) {}
    ~fd_owner();
    fd_owner(fd_owner&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
    fd_owner& operator=(fd_owner&& other) noexcept;
    fd_owner(const fd_owner&) = delete;
    fd_owner& operator=(const fd_owner&) = delete;
    [[nodiscard]] int get() const { return fd_; }

  private:
    int fd_;
};

// Blocking until set_nonblocking().
[[nodiscard]] fd_owner connect_to(std::uint16_t port);
[[nodiscard]] fd_owner listen_on(std::uint16_t port);
void set_nonblocking(int fd);
void set_no_delay(int fd);
void send_all(int fd, std::string_view bytes);

// Blocks until one whole MQTT packet of this type is there; what else comes ends the program.
[[nodiscard]] std::string expect_packet(int fd, std::uint8_t type);

// What recv and send say, with "not now" as 0 and the end of the connection as k_closed.
inline constexpr std::ptrdiff_t k_closed = -1;
[[nodiscard]] std::ptrdiff_t receive(int fd, char* to, std::size_t size);
[[nodiscard]] std::ptrdiff_t send_some(int fd, const char* from, std::size_t size);

class poller {
  public:
    poller();
    void add(int fd, std::uint32_t events, std::uint64_t data);
    void change(int fd, std::uint32_t events, std::uint64_t data);
    void remove(int fd);
    // Waits until something happens or this much time has passed; calls back with (data, events).
    template <class handler> void wait(std::int64_t timeout_ns, const handler& handle) {
        const int count = wait_raw(timeout_ns);
        for (int i = 0; i < count; ++i)
            handle(data_of(i), events_of(i));
    }

  private:
    [[nodiscard]] int wait_raw(std::int64_t timeout_ns);
    [[nodiscard]] std::uint64_t data_of(int index) const;
    [[nodiscard]] std::uint32_t events_of(int index) const;
    fd_owner fd_;
};

} // namespace bench
