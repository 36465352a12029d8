// Everything that can be said about a running gateway at one moment, as plain values: the program
// fills it, metrics, health and status are rendered from it. Any thread.
#pragma once

#include "gateway/base/lane.hpp"
#include "gateway/observe/books.hpp"
#include "gateway/observe/histogram.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace wharf::observe {

enum class circuit : std::uint8_t {
    closed,    // sending
    half_open, // one attempt is under way to see whether it is back
    open,      // waiting after failures
    stopped,   // needs a person: credentials, or an answer that makes no sense
};
[[nodiscard]] std::string_view to_string(circuit state) noexcept;

struct lane_snapshot {
    std::uint64_t pending = 0;
    double oldest_waiting_s = 0; // 0 where nothing waits
};

struct destination_snapshot {
    destination_books books;
    std::array<lane_snapshot, k_lane_count> lanes{};
    circuit state = circuit::closed;
    std::uint64_t batches_in_flight = 0;
    std::uint64_t requests = 0;
    std::uint64_t retries = 0;
    std::uint64_t waiting_behind_dead = 0; // parked because an earlier update of their keys is dead
    std::string last_error;
    std::optional<double> last_success_age_s;
};

struct journal_snapshot {
    std::uint64_t bytes_used = 0;
    std::uint64_t bytes_max = 0;
    std::uint64_t events_stored = 0;
    std::uint64_t groups_committed = 0;
    std::optional<double> last_commit_age_s;
    // How long the oldest request has been waiting for its commit; 0 where none does.
    double oldest_request_s = 0;
    bool full = false; // acknowledgements are withheld for want of space
    double hours_left = std::numeric_limits<double>::infinity();
    std::uint64_t identities = 0;
    std::uint64_t identities_evicted_early = 0;
    histogram_snapshot commit_latency;
    std::uint64_t ring_records = 0;
    std::uint64_t ring_bytes = 0;
    std::uint64_t checkpoints = 0;
    std::uint64_t checkpoint_bytes = 0;
    std::uint64_t checkpoints_refused = 0;
    std::uint64_t direct_commits = 0;
    // Of the whole process, as the system counts them; nothing where it does not.
    std::optional<std::uint64_t> device_bytes_written;
    double device_bytes_per_day = 0; // at the present rate
};

struct broker_snapshot {
    std::uint64_t subscriptions = 0;
    std::uint64_t retained = 0;
    std::uint64_t queued_bytes = 0; // of all sessions
    std::uint64_t delivered = 0;
    // What was not delivered, by reason.
    std::uint64_t queue_full = 0;
    std::uint64_t slow_client = 0;
    std::uint64_t expired = 0;
    std::uint64_t too_large = 0;
    std::uint64_t not_allowed = 0;
    std::uint64_t retained_refused = 0;
    std::uint64_t wills = 0;
    std::uint64_t receipts = 0;
};

// What was refused and slowed at the listener: docs/access.md.
struct access_snapshot {
    std::uint64_t logins_admitted = 0;
    std::uint64_t logins_bad_credentials = 0;
    std::uint64_t logins_not_authorized = 0; // client identifier, will, somebody else's session
    std::uint64_t logins_over_limit = 0;     // too many wait, or too many connections of one
    std::uint64_t publishes_denied = 0;
    std::uint64_t subscriptions_denied = 0;
    std::uint64_t connections_over_address = 0; // refused: too many of one address
    std::uint64_t connections_too_often = 0;
    std::uint64_t half_open_dropped = 0;
    std::uint64_t reads_paused = 0; // times a connection was not read because of its rate
    std::uint64_t ended_by_change = 0;
    std::uint64_t ended_for_memory = 0;
    std::uint64_t log_lines_left_out = 0;
    // Now:
    std::uint64_t half_open = 0;
    std::uint64_t logins_waiting = 0;
    std::uint64_t identities = 0;
};

// TLS handshakes of devices, by how they ended.
struct tls_snapshot {
    std::uint64_t full = 0;
    std::uint64_t resumed = 0;
    std::uint64_t failed = 0;
    std::uint64_t timed_out = 0;
    std::uint64_t shed = 0; // silent while others waited for a place
};

struct listener_snapshot {
    bool listening = false;
    std::vector<std::string> problems; // that a person should see to
    std::optional<tls_snapshot> tls;   // where it is configured
    std::uint64_t connections = 0;
    std::uint64_t sessions = 0;
    std::uint64_t connections_refused = 0;
    std::uint64_t closed_by_gateway = 0;
    std::array<std::uint64_t, 3> messages_by_qos{};
    histogram_snapshot ack_latency;
    broker_snapshot broker;
    access_snapshot access;
};

// A bridge's connection to one broker.
struct bridge_snapshot {
    std::string bridge;
    std::string broker;
    bool attached = false;         // the bridge is connected to us
    bool connected = false;        // and its broker to it
    std::optional<double> since_s; // how long that has been so; nothing: it was never there
    std::string last_error;
    // By us, since the start of the gateway.
    std::uint64_t messages = 0;
    std::uint64_t accepted = 0;
    std::uint64_t duplicate = 0;
    std::uint64_t quarantined = 0;
    std::uint64_t unanswered = 0;
    std::uint64_t attachments = 0;
    // As the bridge counts, since its process began.
    std::uint64_t redelivered = 0;
    std::uint64_t retained = 0;
    std::uint64_t too_large = 0;
    std::uint64_t connections = 0;
};

struct gateway_snapshot {
    std::string gateway;
    std::string site;
    std::string version;
    double uptime_s = 0;
    bool clock_synchronised = true;
    bool stopping = false;
    intake_books intake;
    std::uint64_t quarantine_open = 0; // messages that nobody has looked at
    std::vector<std::pair<std::string, std::uint64_t>> duplicates_by_rule;
    std::vector<std::pair<std::string, std::uint64_t>> log_lines_by_level;
    journal_snapshot journal;
    listener_snapshot listener;
    std::vector<destination_snapshot> destinations;
    std::vector<bridge_snapshot> bridges; // by name

    [[nodiscard]] observe::books books() const;
};

} // namespace wharf::observe
