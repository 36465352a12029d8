#include "gateway/platform/notify/notify.hpp"

#include <catch2/catch.hpp>

#include <cstring>
#include <stdlib.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace wharf;

TEST_CASE("the service manager gets the state as one datagram") {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    auto name = "wharf-notify-" + std::to_string(::getpid());
    std::memcpy(at.sun_path + 1, name.data(), name.size()); // an abstract socket
    int manager = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    REQUIRE(::bind(manager, reinterpret_cast<sockaddr*>(&at), size) == 0);
    REQUIRE(::setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1) == 0);

    CHECK(notify_service_manager("READY=1\nSTATUS=up").ok());
    char got[64] = {};
    CHECK(::recv(manager, got, sizeof got, MSG_DONTWAIT) == 17);
    CHECK(std::string(got) == "READY=1\nSTATUS=up");

    ::close(manager);
    CHECK_FALSE(notify_service_manager("READY=1").ok());
    ::unsetenv("NOTIFY_SOCKET");
    CHECK(notify_service_manager("READY=1").ok());
}
