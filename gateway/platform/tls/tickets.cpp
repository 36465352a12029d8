#include "gateway/platform/tls/tickets.hpp"

#include "gateway/platform/tls/error.hpp"
#include "gateway/platform/tls/seat.hpp"

namespace wharf::tls {

struct ticket_box::keys {
    keys() { mbedtls_ssl_ticket_init(&context); }
    ~keys() { mbedtls_ssl_ticket_free(&context); }
    keys(const keys&) = delete;
    keys& operator=(const keys&) = delete;
    mbedtls_ssl_ticket_context context;
};

ticket_box::ticket_box(std::uint32_t period_s, clock_port& clock)
    : period_s_(period_s), clock_(clock) {
    mbedtls_ctr_drbg_init(&random_);
}

ticket_box::~ticket_box() {
    current_.reset();
    previous_.reset();
    mbedtls_ctr_drbg_free(&random_);
}

result<std::unique_ptr<ticket_box>> ticket_box::make(std::uint32_t period_s, clock_port& clock) {
    std::unique_ptr<ticket_box> out(new ticket_box(period_s, clock));
    WHARF_TRY(seed(out->random_));
    if (int failed = out->turn(); failed != 0)
        return error{errc::io, "keys of session tickets: " + library_words(failed)};
    return out;
}

// The library would change keys by a wall clock that may stand still: on 32-bit ARM it ends in
// 2038.
int ticket_box::turn() {
    const auto now_us = clock_.monotonic_us();
    const auto period_us = std::int64_t{period_s_} * 1'000'000;
    const auto age_us = now_us - since_us_;
    if (current_ != nullptr && age_us < period_us) return 0;
    auto fresh = std::make_unique<keys>();
    int failed = mbedtls_ssl_ticket_setup(&fresh->context, mbedtls_ctr_drbg_random, &random_,
                                          MBEDTLS_CIPHER_AES_256_GCM, 2 * period_s_);
    if (failed != 0) return failed;
    previous_.reset();
    if (age_us < 2 * period_us) previous_ = std::move(current_);
    current_ = std::move(fresh);
    since_us_ = now_us;
    return 0;
}

int ticket_box::write(const mbedtls_ssl_session& of, unsigned char* from, const unsigned char* end,
                      std::size_t& size, std::uint32_t& lifetime_s) {
    std::lock_guard lock(mutex_);
    if (int failed = turn(); failed != 0) return failed;
    int failed = mbedtls_ssl_ticket_write(&current_->context, &of, from, end, &size, &lifetime_s);
    lifetime_s = period_s_; // what is certain
    return failed;
}

int ticket_box::parse(mbedtls_ssl_session& to, unsigned char* bytes, std::size_t size) {
    std::lock_guard lock(mutex_);
    if (int failed = turn(); failed != 0) return failed;
    int failed = mbedtls_ssl_ticket_parse(&current_->context, &to, bytes, size);
    // Not sealed with these keys: it has not been touched.
    if (failed == MBEDTLS_ERR_SSL_SESSION_TICKET_EXPIRED && previous_ != nullptr)
        failed = mbedtls_ssl_ticket_parse(&previous_->context, &to, bytes, size);
    return failed;
}

} // namespace wharf::tls
