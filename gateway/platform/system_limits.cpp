#include "gateway/platform/system_limits.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <system_error>

namespace wharf {

result<std::uint64_t> raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return error{errc::io, "file descriptors: " + std::generic_category().message(errno)};
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return error{errc::io, "file descriptors: " + std::generic_category().message(errno)};
    return std::uint64_t{limit.rlim_cur};
}

std::optional<std::uint64_t> device_bytes_written() {
    std::ifstream file("/proc/self/io");
    std::string name;
    std::uint64_t value = 0;
    while (file >> name >> value)
        if (name == "write_bytes:") return value;
    return std::nullopt;
}

bool watch_peer(int socket, unsigned silence_s) {
    auto set = [socket](int level, int option, int value) {
        return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
    };
    int third = static_cast<int>(silence_s / 3);
    return set(SOL_SOCKET, SO_KEEPALIVE, 1) && set(IPPROTO_TCP, TCP_KEEPIDLE, third) &&
           set(IPPROTO_TCP, TCP_KEEPINTVL, third) && set(IPPROTO_TCP, TCP_KEEPCNT, 2) &&
           set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(silence_s * 1000));
}

} // namespace wharf
