// The sync thread: one event loop over all destinations. What the machines of sync/delivery ask for
// is done here: reading the journal, rendering, sending, waiting.
//
// start() and stop() belong to the thread that owns the shell; everything else may be called from
// any thread and does not block. Callbacks run on the sync thread. Operating errors show in the
// log, in alarms and in the snapshots.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/journal/view.hpp"
#include "gateway/ports/clock.hpp"
#include "gateway/ports/random.hpp"
#include "sync/connectors/http/http_connector.hpp"
#include "sync/delivery/machine.hpp"
#include "sync/platform/http_client.hpp"
#include "sync/platform/journal_port.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace wharf {

struct sync_destination {
    delivery_options delivery;
    http_connector_options connector;
    http_client_options client;
    tls::file_names tls; // for https
};

// What a line of the log is about. Empty where it is not about one update.
struct log_subject {
    std::string sequence;
    std::string device;
    std::string event_id;
    std::string correlation_id;
};

struct sync_callbacks {
    std::function<void(const std::string& destination, const std::string& text,
                       const log_subject& about)>
        log;
    // `raised` false takes back what was raised under this code.
    std::function<void(const std::string& destination, const std::string& code,
                       const std::string& text, bool raised)>
        alarm;
    // How long things took at a destination, by its place in the list; where it is there.
    std::function<void(std::size_t place, const std::vector<delivery_note>& notes)> notes;
};

class sync_shell {
  public:
    // An empty failure is success; durable by then.
    using reply = std::function<void(std::string failure)>;

    // REQUIRES: store, journal, clock and random outlive the shell.
    sync_shell(std::vector<sync_destination> destinations, store& from, journal_port& journal,
               clock_port& clock, random_port& random, sync_callbacks callbacks);
    ~sync_shell(); // as stop(0)
    sync_shell(const sync_shell&) = delete;
    sync_shell& operator=(const sync_shell&) = delete;

    // Reads where delivery stands and starts the thread. Fails where the journal cannot be read or
    // a destination's address cannot be used.
    status start();
    // Nothing new is sent; what is on its way gets this long for its answer, then it is abandoned:
    // its seal is in the journal, it is sent again after the next start. Answers of the journal are
    // not waited for.
    void stop(std::uint32_t grace_ms = 2'000);

    // A committed group's events, in sequence. Bounded: past the bound only "there is more" is
    // kept.
    void on_appended(std::vector<event_head> heads);
    // The journal holds ingest back for want of space, or no longer.
    // For good: nothing new is sent to anybody.
    void end(const std::string& why);
    void on_space(bool full);
    // From the journal thread.
    void post(const delivery_done& done);

    // A number of a destination that is not there fails. `with`: true in the same commit as what is
    // done; where nothing is done it is left out.
    void retry_dead(std::uint8_t destination, sequence number, reply done, manage_ops with = {});
    void discard_dead(std::uint8_t destination, sequence number, std::string reason, reply done,
                      manage_ops with = {});
    void pause(std::uint8_t destination, reply done);
    void resume(std::uint8_t destination, reply done);
    // A single lane. One of a destination that is paused as a whole does not go on: that fails.
    void pause_lane(std::uint8_t destination, lane which, bool paused, reply done);
    // At most so many requests a second for so long; 0: no bound. Until a restart at the latest.
    void limit_rate(std::uint8_t destination, std::uint32_t requests_per_s, std::uint32_t for_s,
                    reply done);

    // As they were a moment ago.
    [[nodiscard]] std::vector<destination_snapshot> snapshots() const;

  private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace wharf
