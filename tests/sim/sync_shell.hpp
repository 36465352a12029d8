// sync/platform/sync_shell.* again: what it tells the destinations and when, and when it wakes
// them. What changes there has to change here. One thread.
#pragma once

#include "tests/sim/runner.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace wharf::sim {

class sim_sync {
  public:
    sim_sync(world& in, process& of, const plan& with);

    void add(std::unique_ptr<sim_runner> one) { runners_.push_back(std::move(one)); }
    [[nodiscard]] bool start();
    void on_appended(std::vector<event_head> heads);
    void on_space(bool full);
    void post(const delivery_done& done);
    void changed();
    // Sends nothing more, lets what is on its way be answered for at most so long, ends.
    void stop(std::int64_t grace_us, std::function<void()> done);
    [[nodiscard]] std::vector<std::unique_ptr<sim_runner>>& runners() { return runners_; }
    void check_bounds() const;

  private:
    void renew();
    void end();
    void take_announced();

    world& world_;
    process& process_;
    process::way to_here_;
    const plan& plan_;
    std::vector<std::unique_ptr<sim_runner>> runners_;
    std::vector<event_head> announced_;
    sequence more_to_ = k_no_sequence;
    bool told_ = false;
    bool dirty_ = false;
    bool ended_ = false;
    std::function<void()> stopped_;
    std::uint64_t timer_ = 0; // the one that counts
};

} // namespace wharf::sim
