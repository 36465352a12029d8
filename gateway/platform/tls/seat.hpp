// A copy of everything that a handshake works with. The library keeps tables inside of keys and
// certificates that it fills while it calculates ("it is not thread-safe to use same group in
// multiple threads", mbedtls/ecp.h), so handshakes that run at the same moment need a copy each.
// What is under way on a seat holds its mutex. Only for this folder.
#pragma once

#include "gateway/platform/tls/context.hpp"
#include "gateway/platform/tls/tickets.hpp"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>

#include <mutex>
#include <optional>

namespace wharf::tls {

class seat {
  public:
    explicit seat(clock_port& clock);
    ~seat();
    seat(const seat&) = delete;
    seat& operator=(const seat&) = delete;

    // Reads what the files hold; `names` are for the messages. lenient: authorities that cannot be
    // read are skipped and counted.
    status load(const file_contents& from, const file_names& names, bool lenient);
    status be_server(const server_options& options, ticket_box* tickets);
    status be_client(const std::string& host);

    [[nodiscard]] const mbedtls_ssl_config& config() const { return config_; }
    [[nodiscard]] const mbedtls_x509_crt& own() const { return own_; }
    [[nodiscard]] std::size_t skipped() const { return skipped_; }
    // Whether a certificate that passed once still does: its dates, and the revocation lists.
    [[nodiscard]] bool still_good(const mbedtls_x509_crt& peer) const;

    std::mutex busy;
    // Why the last certificate was refused; guarded by busy.
    std::string refusal;

  private:
    status load_own(const file_contents& from, const file_names& names);
    status load_trusted(const file_contents& from, const file_names& names, bool lenient);
    status configure(int endpoint);
    static int on_verify(void* self, mbedtls_x509_crt* one, int depth, std::uint32_t* flags);
    std::uint32_t judge(const mbedtls_x509_crt& one, int depth, std::uint32_t flags) const;
    static int parse_ticket(void* self, mbedtls_ssl_session* to, unsigned char* bytes,
                            std::size_t size);
    static int write_ticket(void* self, const mbedtls_ssl_session* of, unsigned char* from,
                            const unsigned char* end, std::size_t* size, std::uint32_t* lifetime);

    clock_port& clock_;
    ticket_box* tickets_ = nullptr;
    std::string address_; // of the server, where it is one and not a name: its bytes
    std::size_t skipped_ = 0;
    mbedtls_ssl_config config_;
    mbedtls_ctr_drbg_context random_;
    mbedtls_x509_crt own_;
    mbedtls_pk_context key_;
    mbedtls_x509_crt trusted_;
    mbedtls_x509_crl revoked_;
};

// Seconds since 1970.
[[nodiscard]] std::int64_t seconds_of(const mbedtls_x509_time& time);
// A generator of our own, seeded by the operating system.
status seed(mbedtls_ctr_drbg_context& random);

} // namespace wharf::tls
