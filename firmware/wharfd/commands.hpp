// Performs what operators order, over the fleet or on this machine. Reading goes to a worker; what
// changes the journal carries the command's outcome in the same commit. The network thread only.
#pragma once

#include "firmware/views/trace.hpp"
#include "gateway/config/config.hpp"
#include "gateway/ingest/intake.hpp"
#include "gateway/journal/inspect.hpp"
#include "gateway/journal/journal.hpp"
#include "gateway/observe/snapshot.hpp"
#include "gateway/platform/fleet/fleet_desk.hpp"
#include "gateway/platform/journal_thread.hpp"
#include "gateway/platform/worker_pool.hpp"
#include "sync/platform/sync_shell.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace wharf {

class command_runner {
  public:
    // REQUIRES: they outlive the runner.
    struct parts {
        const config& settings;
        const journal& log;
        store& from;
        journal_thread& writer;
        sync_shell& sync;
        worker_pool& workers;
        boost::asio::io_context& io;
        std::function<observe::gateway_snapshot()> look;
        const intake& reads;                        // on this thread
        std::function<std::string()> configuration; // what it runs with, in TOML
    };
    explicit command_runner(parts with);
    ~command_runner();

    // REQUIRES: it outlives what runs. Before the first run().
    void report_to(fleet_desk& desk) { desk_ = &desk; }
    void run(manage::ticket of, const wharf::v1::Command& command);

    // The journal's answers to what was asked for here; true where they were.
    bool on_answer(const quarantine_discarded& answer);
    bool on_answer(const quarantine_released& answer);
    bool on_answer(const manage_done& answer);

  private:
    void finish(manage::ticket of, wharf::v1::CommandCode code, std::string message);
    void answer(manage::ticket of, std::string json);
    // Off this thread: reads the journal and makes JSON.
    void read(manage::ticket of, std::function<result<std::string>(store&)> what);
    [[nodiscard]] sync_shell::reply rides(manage::ticket of);
    [[nodiscard]] result<std::uint8_t> destination(const std::string& name) const;

    // commands_stock.cpp
    void pause(manage::ticket of, const std::string& name, const std::string& lane_name,
               bool paused);
    void limit_rate(manage::ticket of, const wharf::v1::RateLimitCommand& how);
    void trace(manage::ticket of, const wharf::v1::TraceCommand& asked);
    void trace_further(manage::ticket of, std::shared_ptr<views::tracer> by);
    void release_quarantined(manage::ticket of, std::uint64_t number);
    void submit_release(manage::ticket of, const quarantine_entry& entry);

    // commands_sight.cpp
    struct log_tail;
    void tail_log(manage::ticket of, const wharf::v1::LogTailCommand& how);
    void tail_further(manage::ticket of);
    void bundle(manage::ticket of);

    void retry_dead(manage::ticket of, const wharf::v1::DeadRetryCommand& what);
    void discard_dead(manage::ticket of, const wharf::v1::DeadDiscardCommand& what,
                      const std::string& reason);
    void discard_quarantined(manage::ticket of, std::uint64_t number, const std::string& reason);
    [[nodiscard]] bool has_reason(manage::ticket of, const std::string& reason);
    void change_operators(manage::ticket of, const wharf::v1::OperatorsChangeCommand& how);
    void set_log_level(manage::ticket of, const wharf::v1::LogLevelCommand& how);

    parts with_;
    fleet_desk* desk_ = nullptr;
    std::map<std::uint64_t, manage::ticket> riding_; // by token
    std::uint64_t last_token_ = k_tokens_from;
    std::map<std::uint64_t, std::shared_ptr<std::string>> released_; // reports, by token
    std::map<manage::ticket, std::unique_ptr<log_tail>> tails_;
    boost::asio::steady_timer quiet_; // ends a log level that was set for a while

    // Above the desk's own tokens and those of the local routes.
    static constexpr std::uint64_t k_tokens_from = std::uint64_t{1} << 63;
};

} // namespace wharf
