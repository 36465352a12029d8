// Everything that can be said about a running gateway at one moment, as plain values: the program
// fills it, metrics, health and status are rendered from it. Any thread.
#pragma once

#include "gateway/base/lane.hpp"
#include "gateway/observe/alarms.hpp"
#include "gateway/observe/books.hpp"
#include "gateway/observe/histogram.hpp"
#include "gateway/observe/slo.hpp"

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
    // From the commit to the first attempt, and to the ERP's word.
    histogram_snapshot first_sent;
    histogram_snapshot delivered;
    std::optional<service_target> aim;
    target_state target; // where there is an aim
};

struct destination_snapshot {
    destination_books books;
    std::array<lane_snapshot, k_lane_count> lanes{};
    circuit state = circuit::closed;
    // By an operator: as a whole, in single lanes, and a bound on requests for a while.
    bool paused = false;
    std::array<bool, k_lane_count> paused_lanes{};
    std::uint32_t requests_per_s_max = 0; // 0: none
    double limited_for_s = 0;
    std::uint64_t batches_in_flight = 0;
    std::uint64_t requests = 0;
    std::uint64_t retries = 0;
    std::uint64_t waiting_behind_dead = 0; // parked because an earlier update of their keys is dead
    std::string last_error;
    std::optional<double> last_success_age_s;
    histogram_snapshot answers; // from a request to its answer
    // To the end of the certificate that is shown to it, where one is.
    std::optional<double> certificate_left_s;
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
    std::optional<double> certificate_left_s; // to its end, where there is one
    std::vector<std::string> problems;        // that a person should see to
    std::optional<tls_snapshot> tls;          // where it is configured
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

// The machine beneath, as far as it tells. Names are the system's own; at most
// limits::k_thermal_zones_max and limits::k_flash_devices_max.
struct thermal_zone {
    std::string name; // "thermal_zone0"
    std::string type; // what it is the temperature of, in the system's words
    double celsius = 0;
};
struct flash_device {
    std::string name;                          // "mmcblk0"
    std::optional<std::uint32_t> worn_percent; // of its life, the worse of two parts; in tens
    std::optional<std::uint32_t> pre_end;      // of its spare blocks: 1 normal, 2 warning, 3 urgent
};
struct disk_space {
    std::uint64_t total_bytes = 0;
    std::uint64_t free_bytes = 0; // for this program
};
struct clock_reading {
    double offset_s = 0;    // what the system still corrects
    double error_max_s = 0; // how wrong it may be, by its own account
};
struct machine_snapshot {
    std::vector<thermal_zone> temperatures;
    std::vector<flash_device> flash;
    std::optional<disk_space> disk; // of the journal's file system
    std::optional<clock_reading> clock;
};

// Devices whose silence is watched, by profile.
struct silence_snapshot {
    struct profile {
        std::string name;
        std::uint64_t watched = 0;
        std::uint64_t silent = 0;
    };
    struct device {
        std::string name;
        std::string profile;
        double silent_s = 0;
        bool never_heard = false;
    };
    std::vector<profile> profiles;
    std::vector<device> devices; // the longest silence first, at most limits::k_devices_named_max
    std::uint64_t unwatched = 0; // times a device found no room
};

struct alarms_snapshot {
    std::vector<alarm> standing;
    std::vector<condition> raised; // of those, what only an event tells
    std::array<std::uint64_t, k_alarm_code_count> times_raised{};
    std::uint64_t left_out = 0;
};

struct trace_snapshot {
    std::uint64_t events = 0;  // with a traceparent
    std::uint64_t ignored = 0; // events whose trace was malformed
};

// Nothing is taken, by an operator's word.
struct drain_snapshot {
    std::int64_t at_us = 0; // wall clock
    std::string by;
    std::string reason;
    bool doors_shut = false;   // and nothing that came before is on its way
    std::uint64_t pending = 0; // updates, at all destinations
};

struct gateway_snapshot {
    std::string gateway;
    std::string site;
    std::string version;
    double uptime_s = 0;
    bool clock_synchronised = true;
    bool stopping = false;
    // Under which epoch new events have their names, and of which takeover that is; 0: of none.
    std::uint32_t epoch = 0;
    std::uint32_t takeover = 0;
    std::string fenced; // in words: another gateway has taken over this one's journal
    std::string ended;  // in words: it was decommissioned, or is reset
    std::optional<drain_snapshot> drained;
    std::string work; // what an operator ordered and is under way, in words
    intake_books intake;
    std::uint64_t quarantine_open = 0; // messages that nobody has looked at
    std::vector<std::pair<std::string, std::uint64_t>> duplicates_by_rule;
    std::vector<std::pair<std::string, std::uint64_t>> log_lines_by_level;
    journal_snapshot journal;
    listener_snapshot listener;
    std::vector<destination_snapshot> destinations;
    std::vector<bridge_snapshot> bridges; // by name
    machine_snapshot machine;
    silence_snapshot silence;
    alarms_snapshot alarms;
    trace_snapshot traces;
    std::string access_refused;        // in words: the identities could not be read again
    std::string configuration_problem; // why what the fleet wants is not in effect

    [[nodiscard]] observe::books books() const;
};

} // namespace wharf::observe
