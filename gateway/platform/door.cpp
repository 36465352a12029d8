#include "gateway/platform/door.hpp"

namespace wharf {

namespace asio = boost::asio;

namespace {
constexpr auto k_accept_retry = std::chrono::milliseconds(100);
} // namespace

door::door(asio::io_context& on, callbacks calls)
    : calls_(std::move(calls)), acceptor_(on), retry_(on) {}

status door::open(const std::string& address, std::uint16_t port) {
    using tcp = asio::ip::tcp;
    boost::system::error_code failed;
    auto at = asio::ip::make_address(address, failed);
    auto fail = [&](std::string_view what) {
        return error{errc::io, "listen on " + address + ":" + std::to_string(port) + ": " +
                                   std::string(what) + ": " + failed.message()};
    };
    if (failed) return fail("address");
    tcp::endpoint endpoint(at, port);
    acceptor_.open(endpoint.protocol(), failed);
    if (failed) return fail("open");
    acceptor_.set_option(tcp::acceptor::reuse_address(true), failed);
    if (failed) return fail("reuse");
    acceptor_.bind(endpoint, failed);
    if (failed) return fail("bind");
    acceptor_.listen(asio::socket_base::max_listen_connections, failed);
    if (failed) return fail("listen");
    port_ = acceptor_.local_endpoint(failed).port();
    if (failed) return fail("port");
    accept();
    return ok();
}

void door::accept() {
    acceptor_.async_accept([this](boost::system::error_code failed, asio::ip::tcp::socket socket) {
        if (failed == asio::error::operation_aborted) return;
        if (!failed) {
            calls_.came(std::move(socket));
            return accept();
        }
        calls_.refused("accept: " + failed.message());
        retry_.expires_after(k_accept_retry);
        retry_.async_wait([this](auto aborted) {
            if (!aborted) accept();
        });
    });
}

void door::close() {
    boost::system::error_code ignored; // it is closed either way
    acceptor_.close(ignored);
    retry_.cancel();
}

} // namespace wharf
