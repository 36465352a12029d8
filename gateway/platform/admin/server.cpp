#include "gateway/platform/admin/server.hpp"

#include "gateway/platform/admin/session.hpp"
#include "gateway/platform/local_socket.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <list>
#include <sys/socket.h>
#include <unistd.h>

namespace wharf::admin {

namespace {

using boost::asio::ip::tcp;
using unix_stream = boost::asio::local::stream_protocol;
using boost::beast::error_code;

// A pause after accept fails, so that a process out of descriptors does not spin.
constexpr std::chrono::milliseconds k_accept_pause{200};

error failed(std::string_view what, const error_code& ec) {
    return {errc::io, std::string(what) + ": " + ec.message()};
}

// By its number: a name would have to be looked up, perhaps somewhere that does not answer.
caller caller_of(unix_stream::socket& socket) {
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
        return {"somebody", false};
    return {"uid " + std::to_string(who.uid), who.uid == 0 || who.uid == ::geteuid()};
}
caller caller_of(tcp::socket&) {
    return {};
}

} // namespace

class server::state : public std::enable_shared_from_this<server::state> {
  public:
    state(boost::asio::any_io_executor executor, router commands, router pages)
        : executor_(std::move(executor)), commands_(std::make_shared<router>(std::move(commands))),
          pages_(std::make_shared<router>(std::move(pages))), unix_acceptor_(executor_),
          tcp_acceptor_(executor_), unix_pause_(executor_), tcp_pause_(executor_) {}

    status listen_unix(const std::string& path) {
        WHARF_TRY(
            listen_local(unix_acceptor_, path, static_cast<int>(limits::k_admin_connections_max)));
        socket_path_ = path;
        return ok();
    }

    status listen_tcp(const std::string& address_text, std::uint16_t port) {
        error_code ec;
        auto address = boost::asio::ip::make_address(address_text, ec);
        if (ec || !address.is_loopback())
            return error{errc::invalid, "admin.http_address: expected an address of this machine"};
        tcp::endpoint endpoint(address, port);
        auto where = "listen on " + address_text + ":" + std::to_string(port);
        tcp_acceptor_.open(endpoint.protocol(), ec);
        if (!ec) tcp_acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
        if (!ec) tcp_acceptor_.bind(endpoint, ec);
        if (!ec) tcp_acceptor_.listen(static_cast<int>(limits::k_admin_connections_max), ec);
        if (ec) return failed(where, ec);
        port_ = tcp_acceptor_.local_endpoint(ec).port();
        return ok();
    }

    void set_timeout(std::uint32_t timeout_ms) {
        if (timeout_ms != 0) timeout_ = std::chrono::milliseconds(timeout_ms);
    }

    void accept() {
        if (unix_acceptor_.is_open())
            accept_on<unix_stream>(unix_acceptor_, unix_pause_, commands_);
        accept_on<tcp>(tcp_acceptor_, tcp_pause_, pages_);
    }

    void stop() {
        stopped_ = true;
        error_code ignored;
        unix_acceptor_.close(ignored);
        tcp_acceptor_.close(ignored);
        unix_pause_.cancel();
        tcp_pause_.cancel();
        for (auto& close : closers_)
            close();
        closers_.clear();
        if (!socket_path_.empty()) ::unlink(socket_path_.c_str());
        socket_path_.clear();
    }

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  private:
    template <class Protocol, class Acceptor>
    void accept_on(Acceptor& acceptor, boost::asio::steady_timer& pause,
                   const std::shared_ptr<const router>& routes) {
        acceptor.async_accept([this, self = shared_from_this(), &acceptor, &pause,
                               routes](error_code ec, typename Protocol::socket socket) {
            if (stopped_) return;
            if (!ec) serve<Protocol>(std::move(socket), routes);
            if (!ec) return accept_on<Protocol>(acceptor, pause, routes);
            pause.expires_after(k_accept_pause);
            pause.async_wait([this, self, &acceptor, &pause, routes](error_code cancelled) {
                if (!cancelled && !stopped_) accept_on<Protocol>(acceptor, pause, routes);
            });
        });
    }

    // Over the bound a connection is closed at once: whoever asks too often has to ask again.
    template <class Protocol>
    void serve(typename Protocol::socket socket, const std::shared_ptr<const router>& routes) {
        if (static_cast<std::size_t>(*open_) >= limits::k_admin_connections_max) return;
        auto by = caller_of(socket);
        auto served = std::make_shared<session<Protocol>>(
            std::move(socket), session_shelter{routes, open_, timeout_}, std::move(by));
        std::erase_if(closers_, [](const closer& each) { return each.gone(); });
        closers_.push_back(closer{served, [weak = std::weak_ptr<session<Protocol>>(served)] {
                                      if (auto alive = weak.lock()) alive->close();
                                  }});
        served->read();
    }

    struct closer {
        std::weak_ptr<void> whose;
        std::function<void()> how;
        [[nodiscard]] bool gone() const noexcept { return whose.expired(); }
        void operator()() const { how(); }
    };

    boost::asio::any_io_executor executor_;
    std::shared_ptr<const router> commands_;
    std::shared_ptr<const router> pages_;
    unix_stream::acceptor unix_acceptor_;
    tcp::acceptor tcp_acceptor_;
    boost::asio::steady_timer unix_pause_;
    boost::asio::steady_timer tcp_pause_;
    std::chrono::milliseconds timeout_{limits::k_admin_timeout_ms};
    std::shared_ptr<int> open_ = std::make_shared<int>(0);
    std::list<closer> closers_;
    std::string socket_path_;
    std::uint16_t port_ = 0;
    bool stopped_ = false;
};

server::server(boost::asio::any_io_executor executor, router commands, router pages)
    : state_(std::make_shared<state>(std::move(executor), std::move(commands), std::move(pages))) {}

server::~server() {
    state_->stop();
}

status server::start(const server_options& options) {
    state_->set_timeout(options.timeout_ms);
    if (!options.socket_path.empty()) WHARF_TRY(state_->listen_unix(options.socket_path));
    WHARF_TRY(state_->listen_tcp(options.http_address, options.http_port));
    state_->accept();
    return ok();
}

void server::stop() {
    state_->stop();
}

std::uint16_t server::http_port() const noexcept {
    return state_->port();
}

} // namespace wharf::admin
