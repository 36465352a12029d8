#include "gateway/platform/notify/notify.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace wharf {

namespace {

error refused(std::string_view what) {
    auto why = std::error_code(errno, std::generic_category()).message();
    return {errc::io, "service manager: " + std::string(what) + ": " + why};
}

} // namespace

status notify_service_manager(std::string_view state) {
    // Nothing in this program changes the environment.
    const char* path = std::getenv("NOTIFY_SOCKET"); // NOLINT(concurrency-mt-unsafe)
    if (path == nullptr || *path == '\0') return ok();
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    auto size = std::strlen(path);
    if ((path[0] != '/' && path[0] != '@') || size >= sizeof to.sun_path)
        return error{errc::unsupported, "service manager: NOTIFY_SOCKET is no Unix socket"};
    std::memcpy(to.sun_path, path, size);
    if (path[0] == '@') to.sun_path[0] = '\0'; // an abstract socket
    int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return refused("socket");
    auto address_size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
    auto sent = ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                         reinterpret_cast<const sockaddr*>(&to), address_size);
    status outcome = sent < 0 ? status(refused("send")) : ok();
    ::close(fd);
    return outcome;
}

bool service_manager_watches() {
    return std::getenv("WATCHDOG_USEC") != nullptr; // NOLINT(concurrency-mt-unsafe): as above
}

std::string patient_watchdog() {
    // As TimeoutStartSec= of the unit.
    return service_manager_watches() ? "\nWATCHDOG=1\nWATCHDOG_USEC=900000000" : "";
}

std::string usual_watchdog() {
    const char* usual = std::getenv("WATCHDOG_USEC"); // NOLINT(concurrency-mt-unsafe): as above
    return usual == nullptr ? "" : std::string("\nWATCHDOG_USEC=") + usual;
}

} // namespace wharf
