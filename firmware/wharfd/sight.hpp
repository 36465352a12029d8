// What is watched of the running gateway: how long things take, service targets, silent devices,
// the machine; and the alarms that come of it all. on_appended() belongs to the journal thread,
// on_notes() to the sync thread, everything else to the network thread.
#pragma once

#include "gateway/config/config.hpp"
#include "gateway/ingest/device_watch.hpp"
#include "gateway/journal/requests.hpp"
#include "gateway/observe/conditions.hpp"
#include "gateway/platform/worker_pool.hpp"
#include "gateway/ports/clock.hpp"
#include "sync/delivery/machine.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace wharf {

class sight {
  public:
    using change_function = std::function<void(const observe::alarm_change&)>;

    // REQUIRES: they outlive it, but the pool is stopped before.
    sight(const config& settings, clock_port& clock, worker_pool& workers);

    // Before anything else runs: the journal's time minus the monotonic clock's.
    void begin(std::int64_t journal_ahead_us) { journal_ahead_us_ = journal_ahead_us; }
    // Who is told of each change of an alarm, besides the log.
    void on_change(change_function tell) { changed_ = std::move(tell); }

    // From now on; what was counted towards another target is forgotten.
    void change_targets(const std::array<target_config, k_lane_count>& to);
    // A committed group.
    void on_appended(const std::vector<event_head>& heads);
    void on_notes(std::size_t place, const std::vector<delivery_note>& notes);
    // What only an event tells, of a destination.
    void on_delivery_alarm(const std::string& destination, const std::string& code,
                           const std::string& text, bool raised);

    // Fills in what it knows.
    void add_to(observe::gateway_snapshot& now, device_watch& devices) const;
    // About once a second, with such a snapshot: alarms come and go.
    void watch(const observe::gateway_snapshot& now);

  private:
    struct lane_sight {
        explicit lane_sight(const target_config& from);
        observe::latency_histogram first_sent{observe::k_delivery_bounds_us};
        observe::latency_histogram delivered{observe::k_delivery_bounds_us};
        std::optional<observe::target_ledger> target; // guarded
    };
    struct destination_sight {
        std::string name;
        observe::latency_histogram answers{observe::k_delivery_bounds_us};
        std::array<std::unique_ptr<lane_sight>, k_lane_count> lanes;
    };
    void count_due(std::int64_t journal_time_us,
                   const std::array<std::uint64_t, k_lane_count>& by_lane);
    [[nodiscard]] observe::alarm_time now() const;
    void tell_changes();
    void look_at_machine();
    void hold_journal_full(std::vector<observe::condition>& conditions);

    const std::string journal_path_;
    clock_port& clock_;
    worker_pool& workers_;
    std::int64_t journal_ahead_us_ = 0;
    change_function changed_;
    std::vector<std::unique_ptr<destination_sight>> destinations_;
    mutable std::mutex targets_mutex_;
    observe::alarm_board board_;
    std::optional<observe::condition> journal_full_;
    std::int64_t journal_full_us_ = 0; // when it was seen last
    observe::machine_snapshot machine_;
    std::optional<std::int64_t> machine_looked_us_;
    bool machine_looking_ = false;
};

} // namespace wharf
