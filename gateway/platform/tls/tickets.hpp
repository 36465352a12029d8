// The keys of session tickets (RFC 5077): a device that comes back shows its ticket and is spared
// the dear part of a handshake. The keys change every so often by a clock that never goes back, and
// are kept for one more period, so that a ticket is good for one to two of them. They are never
// written anywhere. Any thread.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/ports/clock.hpp"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>

#include <memory>
#include <mutex>

namespace wharf::tls {

class ticket_box {
  public:
    static result<std::unique_ptr<ticket_box>> make(std::uint32_t period_s, clock_port& clock);
    ~ticket_box();
    ticket_box(const ticket_box&) = delete;
    ticket_box& operator=(const ticket_box&) = delete;

    // As mbedtls_ssl_ticket_write and mbedtls_ssl_ticket_parse.
    int write(const mbedtls_ssl_session& of, unsigned char* from, const unsigned char* end,
              std::size_t& size, std::uint32_t& lifetime_s);
    int parse(mbedtls_ssl_session& to, unsigned char* bytes, std::size_t size);

  private:
    struct keys;
    ticket_box(std::uint32_t period_s, clock_port& clock);
    int turn();

    const std::uint32_t period_s_;
    clock_port& clock_;
    std::mutex mutex_;
    mbedtls_ctr_drbg_context random_; // guarded, with what follows
    std::unique_ptr<keys> current_;
    std::unique_ptr<keys> previous_;
    std::int64_t since_us_ = 0;
};

} // namespace wharf::tls
