// sync/platform/destination_runner.* again, with the ERP's model at the other end of the wire: the
// same actions performed in the same order. What changes there has to change here. One thread.
#pragma once

#include "gateway/journal/view.hpp"
#include "sync/connectors/http/http_connector.hpp"
#include "sync/delivery/machine.hpp"
#include "tests/sim/disk.hpp"
#include "tests/sim/erp.hpp"
#include "tests/sim/process.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace wharf::sim {

using command_reply = std::function<void(const std::string& failure)>;

class sim_runner {
  public:
    sim_runner(world& in, process& of, const plan& with, delivery_options options,
               http_connector connector, store& from, sim_disk& disk, model_erp& erp,
               std::function<void(journal_request)> submit, std::function<void()> changed);

    // False where the journal cannot be read: the process ends.
    [[nodiscard]] bool start();
    void on_appended(const std::vector<event_head>& heads);
    void on_more(sequence last);
    void on_journaled(std::uint64_t token);
    void on_space(bool full);
    void on_tick();
    void retry_dead(sequence number, command_reply done);
    void discard_dead(sequence number, command_reply done);
    void resume();
    void pause();
    // No answer comes any more.
    void abandon() { abandoned_ = true; }
    void heal() { healed_ = true; }

    [[nodiscard]] std::optional<std::int64_t> next_wake_us() const {
        return machine_.next_wake_us();
    }
    [[nodiscard]] destination_snapshot snapshot() const { return machine_.snapshot(); }
    [[nodiscard]] std::uint8_t number() const { return machine_.options().destination; }
    [[nodiscard]] bool idle() const { return machine_.idle(); }
    [[nodiscard]] const delivery_options& options() const { return machine_.options(); }

  private:
    instant now();
    void drain();
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
    void transmit(batch_number batch, const http_request& request, std::vector<batch_item> items,
                  bool asked);
    void answered(batch_number batch, const std::vector<batch_item>& items, bool asked,
                  connector_answer::way how, const http_response& response);
    void failed(action load, const error& why);
    void check_sealed(batch_number batch, const std::vector<batch_item>& items) const;
    void maybe_die();

    struct rendered {
        std::vector<batch_item> items;
        http_request request;
    };

    world& world_;
    process& process_;
    const plan& plan_;
    store& store_;
    sim_disk& disk_;
    prng random_;
    destination_machine machine_;
    http_connector connector_;
    journal_view view_;
    model_erp& erp_;
    std::function<void(journal_request)> submit_;
    std::function<void()> changed_;
    std::map<batch_number, rendered> rendered_;
    std::map<std::uint64_t, command_reply> replies_;
    std::vector<action> failed_loads_;
    std::uint64_t next_command_ = 1;
    std::int64_t latest_us_ = 0;
    std::int64_t latest_monotonic_us_ = 0;
    bool draining_ = false;
    bool healed_ = false;
    bool abandoned_ = false;
};

} // namespace wharf::sim
