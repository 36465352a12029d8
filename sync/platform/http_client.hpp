// HTTP/1.1 to one host, over TLS where the address says https: kept connections, time-outs, a bound
// on the answer, no redirects followed. Runs on the io_context's thread, which is also the one to
// call it from. Every request gets exactly one call of its handler, never from inside send(); after
// stop() none.
#pragma once

#include "gateway/base/limits.hpp"
#include "gateway/platform/tls/client_side.hpp"
#include "sync/connectors/http/http_connector.hpp"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>

namespace wharf {

struct http_client_options {
    std::uint32_t connect_timeout_ms = 5'000;
    std::uint32_t request_timeout_ms = 30'000;
    std::size_t idle_connections_max = 4;
    std::size_t answer_bytes_max = limits::k_answer_bytes_max;
    std::shared_ptr<tls::client_side> tls; // for https
};

// What became of one request. not_sent is certain: no byte of it left this machine.
struct http_exchange {
    connector_answer::way how = connector_answer::way::unknown;
    http_response response; // where answered
    std::string words;      // where not
};

class http_client {
  public:
    using handler = std::function<void(http_exchange)>;

    // REQUIRES: tls is there exactly where the endpoint is https.
    http_client(boost::asio::io_context& io, http_url endpoint, http_client_options options);
    ~http_client(); // as stop()
    http_client(const http_client&) = delete;
    http_client& operator=(const http_client&) = delete;

    void send(const http_request& request, handler done);
    // Closes everything. What was under way has an unknown outcome, and nobody is told.
    void stop();

    // Connections that were opened so far, and how many of them resumed a TLS session.
    [[nodiscard]] std::size_t connections_opened() const;
    [[nodiscard]] std::size_t connections_resumed() const;

  private:
    struct pool;
    std::shared_ptr<pool> pool_;
};

} // namespace wharf
