// Puts together what can be said about the running gateway. The network thread only.
#pragma once

#include "gateway/observe/rate.hpp"
#include "gateway/observe/snapshot.hpp"
#include "gateway/platform/bridge_port.hpp"
#include "gateway/platform/journal_thread.hpp"
#include "gateway/platform/listener.hpp"
#include "sync/delivery/machine.hpp"

namespace wharf {

// What the journal thread and the listener record as they go. Any thread.
struct measures {
    observe::latency_histogram commit_latency;
    observe::latency_histogram ack_latency;
    std::atomic<std::uint64_t> groups{0};
    std::atomic<std::int64_t> last_commit_us{0};
};

// What delivery says of itself, as observe shows it.
[[nodiscard]] std::vector<observe::destination_snapshot>
observed(const std::vector<destination_snapshot>& destinations, std::int64_t journal_time_us,
         clock_port& clock);
// To this second since 1970, by the wall clock; below zero: since then. Nothing: it is never.
[[nodiscard]] std::optional<double> seconds_left(std::int64_t to_s, clock_port& clock);

[[nodiscard]] observe::tls_snapshot observed(const tls::reception_counters& of);

class status_board {
  public:
    status_board(std::string gateway, std::string site, clock_port& clock);

    // Now and then, for the rate at which the journal fills.
    void sample(const journal_snapshot& journal);
    [[nodiscard]] observe::gateway_snapshot
    look(const journal_snapshot& journal, const listener_counters& listener,
         const measures& measured, std::vector<observe::destination_snapshot> destinations,
         const std::vector<bridge_status>& bridges) const;
    void set_listening(bool listening) { listening_ = listening; }
    void set_stopping() { stopping_ = true; }

  private:
    std::string gateway_;
    std::string site_;
    clock_port& clock_;
    std::int64_t started_us_;
    observe::moving_rate fill_;
    observe::moving_rate wear_;
    bool listening_ = false;
    bool stopping_ = false;
};

} // namespace wharf
