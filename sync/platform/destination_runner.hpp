// One destination on the sync thread: its machine, its connector, its connections. Performs the
// machine's actions until none are left. Internal to sync/platform; the sync thread only.
#pragma once

#include "sync/platform/sync_shell.hpp"

#include <map>

namespace wharf {

class destination_runner {
  public:
    // `place`: in the list of destinations.
    destination_runner(boost::asio::io_context& io, std::size_t place, const sync_destination& what,
                       http_connector connector, store& from, journal_port& journal,
                       clock_port& clock, std::uint64_t seed, const sync_callbacks& callbacks,
                       std::function<void()> changed);

    status start();
    void on_appended(const std::vector<event_head>& heads);
    void on_more(sequence last);
    void on_journaled(std::uint64_t token);
    void on_space(bool full);
    void on_tick();
    void retry_dead(sequence number, manage_ops with, sync_shell::reply done);
    void discard_dead(sequence number, const std::string& reason, manage_ops with,
                      sync_shell::reply done);
    void pause();
    // Failure: it does not go on, and why.
    status resume();
    status pause_lane(lane which, bool paused);
    void limit_rate(std::uint32_t requests_per_s, std::uint32_t for_s);
    void fence(const std::string& why);
    void abandon() { client_.stop(); }

    [[nodiscard]] std::optional<std::int64_t> next_wake_us() const {
        return machine_.next_wake_us();
    }
    [[nodiscard]] destination_snapshot snapshot() const;
    [[nodiscard]] std::uint8_t number() const { return machine_.options().destination; }

  private:
    instant now();
    void drain();
    void pass_notes();
    void perform(const act::load_heads& what);
    void perform(const act::load_head& what);
    void perform(const act::load_parked_keys& what);
    void perform(const act::load_first_parked& what);
    void perform(const act::load_parked& what);
    void perform(const act::render& what);
    void perform(const act::forget& what);
    void perform(act::journal& what);
    void perform(const act::send& what);
    void perform(const act::ask& what);
    void perform(const act::alarm& what);
    void perform(const act::log& what);
    void perform(const act::reply& what);
    result<std::optional<sequence>> first_blocking(std::uint64_t key, sequence from,
                                                   parked_page* page) const;
    void answered(batch_number batch, const std::vector<batch_item>& items, bool asked,
                  const http_exchange& exchange);
    void failed(action load, const error& why);

    struct rendered {
        std::vector<batch_item> items;
        http_request request;
    };

    boost::asio::io_context& io_;
    const std::size_t place_;
    const std::shared_ptr<tls::client_side> tls_; // for https
    destination_machine machine_;
    http_connector connector_;
    http_client client_;
    journal_view view_;
    journal_port& journal_;
    clock_port& clock_;
    const sync_callbacks& callbacks_;
    std::function<void()> changed_;
    std::map<batch_number, rendered> rendered_;
    std::map<std::uint64_t, sync_shell::reply> replies_;
    // Reads of the journal that failed: each is owed to the machine, which asks only once. As many
    // as it may have open.
    std::vector<action> failed_loads_;
    std::uint64_t next_command_ = 1;
    std::uint64_t next_span_;    // from a random number on
    std::int64_t latest_us_ = 0; // journal time
    std::int64_t latest_monotonic_us_ = 0;
    bool draining_ = false;
};

} // namespace wharf
