// The appliance: a machine with a disk, and on it the gateway's process, wired as
// firmware/wharfd/app.cpp wires it. It dies as the plan says and starts again. One thread.
#pragma once

#include "tests/sim/client.hpp"
#include "tests/sim/journal_shell.hpp"
#include "tests/sim/listener.hpp"
#include "tests/sim/local_watch.hpp"
#include "tests/sim/sync_shell.hpp"
#include "tests/sim/witness.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace wharf::sim {

class gateway final : public harbour {
  public:
    gateway(world& in, const plan& with, witness& watching, local_watch& local,
            std::vector<std::unique_ptr<model_erp>>& erps);
    ~gateway() override;

    void begin();
    // No more faults: what is broken is repaired, and stays so.
    void heal();
    // A look at every bound, now and then.
    void inspect();
    [[nodiscard]] bool up() const { return sync_ != nullptr; }
    [[nodiscard]] bool drained() const;
    [[nodiscard]] bool idle() const;
    // For a person who wonders why it does not go on.
    [[nodiscard]] std::string describe();
    [[nodiscard]] store& journal_store() { return *store_; }
    // Of the local broker's queues.
    [[nodiscard]] std::size_t queued_bytes() const { return listener_->queued_bytes(); }
    [[nodiscard]] const std::vector<std::uint8_t>& destinations() const { return destinations_; }
    [[nodiscard]] sim_runner& runner(std::size_t erp) { return *sync_->runners().at(erp); }
    // As an operator's command, on the process's own time.
    void command(const world::task& what);
    void submit(journal_request request);
    void checkpoint();
    [[nodiscard]] std::int64_t up_since_us() const { return up_since_us_; }

    door knock() override;
    std::uint64_t life() const override { return process_.life(); }
    std::int64_t open_us() const override { return uptime_us(); }
    void accept(const std::shared_ptr<link>& on) override;
    void published(const link& on, int version, std::uint16_t packet_id,
                   std::size_t message) override;
    std::size_t leave_will(const std::string& client, int version, std::uint32_t expiry_s) override;
    will_book& wills() override { return local_.wills(); }

  private:
    void boot();
    [[nodiscard]] bool open_journal();
    [[nodiscard]] status open_store();
    void wire();
    void add_runner(std::size_t erp);
    void die(death how);
    void tear_down();
    void stop_orderly();
    void plan_death(std::int64_t every_us, death how);
    void plan_clock_jump();
    [[nodiscard]] journal_options journal_options_now() const;
    [[nodiscard]] mqtt::session_limits session_limits_now() const;
    [[nodiscard]] std::int64_t uptime_us() const;

    world& world_;
    const plan& plan_;
    witness& witness_;
    local_watch& local_;
    std::vector<std::unique_ptr<model_erp>>& erps_;
    prng random_;
    process process_;
    sim_disk disk_;
    ring_options ring_;
    std::unique_ptr<ring_store> ring_store_; // where there is a ring
    store* store_ = nullptr;                 // what the journal stands on in this life
    std::optional<identity_window> identity_;
    std::optional<intake> intake_;
    std::unique_ptr<journal> journal_;
    std::unique_ptr<journal_shell> writer_;
    std::unique_ptr<sim_listener> listener_;
    std::unique_ptr<sim_sync> sync_;
    std::vector<std::uint8_t> destinations_;
    bool powered_ = true;
    bool stopping_ = false;
    bool closed_ = false; // for commands, too
    bool healed_ = false;
    std::int64_t up_since_us_ = 0;
    std::int64_t up_before_us_ = 0; // in earlier lives
    bool open_ = false;             // the journal is, and its time counts
};

} // namespace wharf::sim
