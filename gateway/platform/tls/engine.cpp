#include "gateway/platform/tls/engine.hpp"

#include "gateway/platform/tls/engine_state.hpp"
#include "gateway/platform/tls/identity.hpp"

#include <algorithm>

namespace wharf::tls {

namespace asio_error = boost::asio::error;

engine::engine(std::shared_ptr<const context> with)
    : context_(std::move(with)), seat_(context_->next_seat()), state_(std::make_unique<state>()) {}

engine::~engine() = default;

result<std::unique_ptr<engine>> engine::make(std::shared_ptr<const context> with) {
    std::unique_ptr<engine> out(new engine(std::move(with)));
    auto& ssl = out->state_->ssl;
    int failed = mbedtls_ssl_setup(&ssl, &out->seat_.config());
    const auto& name = out->context_->server_name();
    if (failed == 0 && !name.empty()) failed = mbedtls_ssl_set_hostname(&ssl, name.c_str());
    if (failed != 0) return error{errc::io, "TLS: " + library_words(failed)};
    mbedtls_ssl_set_bio(&ssl, out.get(), on_send, on_receive, nullptr);
    return out;
}

std::span<char> engine::prepare() {
    input_.erase(0, taken_);
    taken_ = 0;
    const auto before = input_.size();
    input_.resize(before + limits::k_socket_read_bytes);
    return {input_.data() + before, limits::k_socket_read_bytes};
}

void engine::commit(std::size_t size) {
    WHARF_ASSERT(size <= limits::k_socket_read_bytes &&
                 input_.size() >= limits::k_socket_read_bytes);
    input_.resize(input_.size() - limits::k_socket_read_bytes + size);
    if (!done_) handshake_bytes_ += size;
}

int engine::on_send(void* self, const unsigned char* bytes, std::size_t size) {
    static_cast<engine*>(self)->output_.append(reinterpret_cast<const char*>(bytes), size);
    return static_cast<int>(size);
}

int engine::on_receive(void* self, unsigned char* to, std::size_t size) {
    auto& mine = *static_cast<engine*>(self);
    const auto count = std::min(size, mine.input_.size() - mine.taken_);
    if (count == 0) return mine.ended_ ? 0 : MBEDTLS_ERR_SSL_WANT_READ;
    std::copy_n(mine.input_.data() + mine.taken_, count, to);
    mine.taken_ += count;
    if (mine.taken_ == mine.input_.size()) {
        mine.input_.clear();
        mine.taken_ = 0;
    }
    return static_cast<int>(count);
}

bool engine::has_plaintext() const {
    return done_ && mbedtls_ssl_get_bytes_avail(&state_->ssl) > 0;
}

progress engine::handshake() {
    if (failure_) return progress::failed;
    if (done_) return progress::done;
    if (handshake_bytes_ > limits::k_tls_handshake_bytes_max)
        return fail(fault::handshake_too_large);
    auto& ssl = state_->ssl;
    std::lock_guard lock(seat_.busy);
    seat_.refusal.clear();
    while (ssl.state != MBEDTLS_SSL_HANDSHAKE_OVER) {
        // A resumed handshake leaves this step out.
        full_ = full_ || ssl.state == MBEDTLS_SSL_CLIENT_KEY_EXCHANGE;
        const int failed = mbedtls_ssl_handshake_step(&ssl);
        if (failed == 0) continue;
        if (failed == MBEDTLS_ERR_SSL_WANT_READ) return progress::wants_input;
        refusal_ = seat_.refusal;
        if (!refusal_.empty()) return fail(fault::certificate_refused);
        return fail(failed == MBEDTLS_ERR_SSL_CONN_EOF ? make_error_code(fault::truncated)
                                                       : library_error(failed));
    }
    return finish();
}

progress engine::finish() {
    const auto* shown = mbedtls_ssl_get_peer_cert(&state_->ssl);
    const auto found = mbedtls_ssl_get_verify_result(&state_->ssl);
    if (shown != nullptr && found != 0) {
        refusal_ = verification_words(found);
        return fail(fault::certificate_refused);
    }
    if (shown != nullptr) peer_ = identity_of(*shown);
    done_ = true;
    return progress::done;
}

progress engine::fail(error_code why) {
    failure_ = why;
    return progress::failed;
}

bool engine::peer_still_good(const context& by) const {
    const auto* shown = mbedtls_ssl_get_peer_cert(&state_->ssl);
    return shown == nullptr || by.next_seat().still_good(*shown);
}

std::string engine::ciphersuite() const {
    const char* name = mbedtls_ssl_get_ciphersuite(&state_->ssl);
    return name == nullptr ? std::string() : name;
}

std::size_t engine::read(std::span<char> to, error_code& failed) {
    WHARF_ASSERT(done_ && !to.empty());
    failed = failure_;
    if (failed) return 0;
    failed = asio_error::would_block;
    if (!has_input() && !ended_) return 0;
    wake();
    auto* where = reinterpret_cast<unsigned char*>(to.data());
    int got = MBEDTLS_ERR_SSL_WANT_READ;
    // A warning of the peer ends one call, though more may be there.
    do
        got = mbedtls_ssl_read(&state_->ssl, where, to.size());
    while (got == MBEDTLS_ERR_SSL_WANT_READ && has_input());
    if (got == MBEDTLS_ERR_SSL_WANT_READ) return 0;
    if (got > 0) {
        failed = {};
        return static_cast<std::size_t>(got);
    }
    if (got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        failed = asio_error::eof;
    else if (got == 0 || got == MBEDTLS_ERR_SSL_CONN_EOF)
        failed = fault::truncated;
    else
        failed = library_error(got);
    failure_ = failed;
    return 0;
}

void engine::write(std::string_view from, error_code& failed) {
    WHARF_ASSERT(done_);
    failed = {};
    if (from.empty()) return;
    wake();
    while (!from.empty()) {
        const int sent = mbedtls_ssl_write(
            &state_->ssl, reinterpret_cast<const unsigned char*>(from.data()), from.size());
        if (sent < 0) {
            failed = library_error(sent);
            return;
        }
        from.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void engine::close() {
    if (!done_) return;
    wake();
    // on_send takes everything, so this cannot fail but for a connection that has failed already.
    static_cast<void>(mbedtls_ssl_close_notify(&state_->ssl));
}

void engine::rest(spare_buffers& spares) {
    if (!done_ || has_input() || !state_->can_rest()) return;
    spares_ = &spares;
    spares.give(state_->take_buffers());
    // An empty string that is assigned or moved leaves the memory where it is.
    std::string().swap(input_);
    if (output_.empty()) std::string().swap(output_);
}

void engine::wake() {
    if (!state_->resting()) return;
    state_->give_buffers(spares_->take());
}

void engine::resume(const kept_session& from) {
    // Where it cannot be used, the handshake is a full one.
    static_cast<void>(mbedtls_ssl_set_session(&state_->ssl, &from.kept));
}

std::shared_ptr<const kept_session> engine::session() const {
    auto out = std::make_shared<kept_session>();
    if (mbedtls_ssl_get_session(&state_->ssl, &out->kept) != 0) return nullptr;
    return out;
}

} // namespace wharf::tls
