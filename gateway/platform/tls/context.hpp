// One side of TLS connections: keys, certificates, rules. Made once from files and never changed; a
// reload makes another. TLS 1.2 with forward secrecy and authenticated encryption only
// (docs/tls.md). Any thread may make one and hold it; its connections (engine.hpp) hold it as long
// as they live.
#pragma once

#include "gateway/base/limits.hpp"
#include "gateway/base/result.hpp"
#include "gateway/platform/tls/files.hpp"
#include "gateway/ports/clock.hpp"

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

namespace wharf::tls {

// What a server asks of a device's certificate. One that is shown and does not pass is always
// refused.
enum class client_certificates : std::uint8_t { none, optional, required };

struct server_options {
    client_certificates from_clients = client_certificates::none;
    std::size_t seats =
        1; // handshakes that may be worked on at the same moment, by as many threads
    std::uint32_t ticket_s = limits::k_tls_ticket_s;
};

class seat;

class context {
  public:
    // errc::invalid with the file and why: it is not PEM, the key is not the certificate's, the
    // revocation list is not of a trusted authority. Dates do not matter here. The clock says when
    // certificates begin and end, and outlives the context; it is asked on any thread.
    static result<std::shared_ptr<const context>>
    make_server(const file_names& files, const server_options& options, clock_port& clock);
    // Of connections to one host, whose name or address the peer's certificate has to carry.
    static result<std::shared_ptr<const context>>
    make_client(const file_names& files, const std::string& host, clock_port& clock);
    ~context();
    context(const context&) = delete;
    context& operator=(const context&) = delete;

    // Seconds since 1970 in which our own certificates are good: the narrowest of the chain.
    struct period {
        std::int64_t from_s = std::numeric_limits<std::int64_t>::min();
        std::int64_t to_s = std::numeric_limits<std::int64_t>::max();
    };
    [[nodiscard]] const period& own_period() const { return period_; }
    // Empty for a server, and for an address, which no server name indication may hold (RFC 6066).
    [[nodiscard]] const std::string& server_name() const { return server_name_; }
    // Authorities that could not be read (a system's bundle has some that the library does not
    // know).
    [[nodiscard]] std::size_t authorities_skipped() const { return skipped_; }

    // Seats are dealt out in turn.
    [[nodiscard]] seat& next_seat() const;

  private:
    context();
    struct parts;
    std::unique_ptr<parts> parts_;
    period period_;
    std::string server_name_;
    std::size_t skipped_ = 0;
};

} // namespace wharf::tls
