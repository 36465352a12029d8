// The client's side towards one host: verification of chain and name, a certificate of our own
// where there is one, and the session that the next connection resumes. Files that change are read
// again at the next connection. One thread.
#pragma once

#include "gateway/platform/tls/engine.hpp"

#include <functional>

namespace wharf::tls {

class client_side {
  public:
    struct callbacks {
        // Files that have changed cannot be used: the former stay. Or: they can again.
        std::function<void(bool bad, const std::string&)> files;
    };
    // REQUIRES: the clock outlives it.
    client_side(file_names files, std::string host, clock_port& clock, callbacks calls);
    ~client_side();
    client_side(const client_side&) = delete;
    client_side& operator=(const client_side&) = delete;

    // At the start. What is wrong with a file, or that it is missing, is an error.
    status load();
    [[nodiscard]] std::size_t authorities_skipped() const;
    // Until when the certificate that we show is good, in seconds since 1970; the largest number
    // where we show none. REQUIRES: load() went well.
    [[nodiscard]] std::int64_t own_end_s() const { return context_->own_period().to_s; }

    // For a new connection. REQUIRES: load() went well.
    [[nodiscard]] result<std::unique_ptr<engine>> begin();
    // Its handshake is done.
    void done(const engine& with);
    // It failed: the next one resumes nothing.
    void failed();

  private:
    void look();

    const file_names files_;
    const std::string host_;
    clock_port& clock_;
    const callbacks calls_;
    std::shared_ptr<const context> context_;
    file_stamps stamps_;
    std::int64_t looked_us_ = 0;
    bool refused_ = false;
    std::shared_ptr<const kept_session> session_;
    std::int64_t session_since_us_ = 0;
};

} // namespace wharf::tls
