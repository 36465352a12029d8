#include "tests/bench/devices/channel.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

namespace bench {

namespace {

sockaddr_in ipv4(std::uint32_t address, std::uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    out.sin_addr.s_addr = htonl(address);
    return out;
}

constexpr std::uint32_t k_first_address = 0x7f010001; // 127.1.0.1

} // namespace

void openssl_free::operator()(ssl_ctx_st* one) const {
    SSL_CTX_free(one);
}
void openssl_free::operator()(ssl_session_st* one) const {
    SSL_SESSION_free(one);
}
void openssl_free::operator()(ssl_st* one) const {
    SSL_free(one);
}

tls_client::tls_client(const std::string& authority_file)
    : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX* of = context_.get();
    if (of == nullptr || SSL_CTX_set_min_proto_version(of, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(of, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(of, "ECDHE-ECDSA-AES128-GCM-SHA256") != 1 ||
        SSL_CTX_set1_groups_list(of, "P-256") != 1 ||
        SSL_CTX_load_verify_locations(of, authority_file.c_str(), nullptr) != 1)
        die("OpenSSL does not take the settings of a device, or the authority " + authority_file);
    SSL_CTX_set_verify(of, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_session_cache_mode(of, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(of, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                             SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

channel::channel(std::uint16_t port, std::uint32_t from, const tls_client* tls,
                 const tls_ticket* resume)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    if (fd() < 0) die_of_errno("socket");
    set_no_delay(fd());
    if (from != 0) {
        const int yes = 1;
        setsockopt(fd(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
        const sockaddr_in own = ipv4(k_first_address + from, 0);
        if (::bind(fd(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0)
            die_of_errno("bind to an address of loopback");
    }
    const sockaddr_in peer = ipv4(INADDR_LOOPBACK, port);
    // What comes of it is asked for once the socket is writable.
    if (::connect(fd(), reinterpret_cast<const sockaddr*>(&peer), sizeof peer) != 0 &&
        errno != EINPROGRESS && errno != ECONNREFUSED)
        die_of_errno("connect");
    if (tls == nullptr) return;
    tls_.reset(SSL_new(tls->get()));
    if (tls_ == nullptr || SSL_set_fd(tls_.get(), fd()) != 1) die("OpenSSL has no memory");
    SSL_set_connect_state(tls_.get());
    if (resume != nullptr && *resume != nullptr) SSL_set_session(tls_.get(), resume->get());
}

channel::~channel() = default;

channel::progress channel::establish() {
    if (!connected_) {
        int failed = 0;
        socklen_t size = sizeof failed;
        if (getsockopt(fd(), SOL_SOCKET, SO_ERROR, &failed, &size) != 0 || failed != 0)
            return progress::failed;
        sockaddr_in peer;
        size = sizeof peer;
        if (getpeername(fd(), reinterpret_cast<sockaddr*>(&peer), &size) != 0)
            return errno == ENOTCONN ? progress::under_way : progress::failed;
        connected_ = true;
        wants_to_write_ = false;
    }
    if (tls_ == nullptr) return progress::done;
    ERR_clear_error();
    const int result = SSL_do_handshake(tls_.get());
    wants_to_write_ = false;
    if (result == 1) return progress::done;
    return may_go_on(result) ? progress::under_way : progress::failed;
}

bool channel::may_go_on(int result) {
    const int why = SSL_get_error(tls_.get(), result);
    wants_to_write_ = wants_to_write_ || why == SSL_ERROR_WANT_WRITE;
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
}

std::ptrdiff_t channel::receive(char* to, std::size_t size) {
    if (tls_ == nullptr) return bench::receive(fd(), to, size);
    ERR_clear_error();
    const int got = SSL_read(tls_.get(), to, static_cast<int>(size));
    if (got > 0) return got;
    return may_go_on(got) ? 0 : k_closed;
}

std::ptrdiff_t channel::send(std::string_view bytes) {
    wants_to_write_ = false;
    std::ptrdiff_t sent = 0;
    if (tls_ == nullptr) {
        sent = send_some(fd(), bytes.data(), bytes.size());
    } else {
        ERR_clear_error();
        const int taken = SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()));
        sent = taken > 0 ? taken : may_go_on(taken) ? 0 : k_closed;
    }
    if (sent >= 0 && static_cast<std::size_t>(sent) < bytes.size()) wants_to_write_ = true;
    return sent;
}

bool channel::resumed() const {
    return tls_ != nullptr && SSL_session_reused(tls_.get()) == 1;
}

tls_ticket channel::ticket() const {
    return tls_ticket(tls_ == nullptr ? nullptr : SSL_get1_session(tls_.get()));
}

void channel::cut() {
    // Or OpenSSL would not use the ticket again of a connection that had no good end.
    if (tls_ != nullptr) SSL_set_shutdown(tls_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    const linger reset{1, 0};
    setsockopt(fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

} // namespace bench
