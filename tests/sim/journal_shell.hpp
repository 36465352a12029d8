// gateway/platform/journal_thread.* again, without the thread: the same decisions in the same
// order, with the commit taking virtual time. What changes there has to change here. One thread.
#pragma once

#include "gateway/journal/journal.hpp"
#include "tests/sim/disk.hpp"
#include "tests/sim/process.hpp"

#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace wharf::sim {

struct journal_calls {
    std::function<void()> durable; // a commit was, before anybody is told
    std::function<void(std::vector<journal_answer>)> answers;
    std::function<void(std::vector<event_head>)> appended;
    std::function<void()> room;
    std::function<void(bool full)> space;
    std::function<void(std::vector<journal_request>&)> spent;
};

class journal_shell {
  public:
    journal_shell(world& in, process& of, const plan& with, journal& over, store& in_use,
                  sim_disk& disk, journal_calls calls);

    void start();
    bool submit(journal_request request);
    bool submit(std::vector<journal_request> requests);
    // A person asks for it: what is durable goes into its final place.
    void checkpoint();
    // Ends when everything submitted is committed; `done` then.
    void stop(std::function<void()> done);
    // No more faults from here on.
    void heal() { healed_ = true; }
    // The group that is on its way to the disk when the process dies: it arrived, or it did not.
    void die(death how);

    [[nodiscard]] std::size_t queued() const { return queue_.size() + held_.size(); }
    [[nodiscard]] bool full() const { return full_; }
    [[nodiscard]] std::int64_t journal_time_us() const;

  private:
    enum class place { front, back };
    enum class state { waiting, committing, out_of_space, failed };

    [[nodiscard]] bool has_room(bool delivery);
    void wake(std::int64_t after_us);
    void wait_for_work();
    void process_group();
    void commit_group();
    void finish_group();
    void no_space();
    void group_done();
    [[nodiscard]] std::size_t group_bytes_max() const;
    void gather();
    void tell();
    void tell_room();
    void tend_store();
    void hold_ingest(place where);
    void release_held();
    status apply_group();
    void look_at_space();
    void set_full(bool full);
    void draw_fate();
    [[nodiscard]] std::uint32_t percent_used() const;
    [[noreturn]] void fail(const error& why);

    world& world_;
    process& process_;
    const plan& plan_;
    journal& journal_;
    store& store_;
    sim_disk& disk_;
    const journal_calls calls_;
    prng random_;
    const std::int64_t opened_us_;
    const std::int64_t journal_time_at_open_us_;

    state state_ = state::waiting;
    std::uint64_t wake_number_ = 0; // the one that counts
    std::deque<journal_request> queue_;
    std::size_t queued_bytes_ = 0;
    std::size_t held_bytes_ = 0;
    bool urgent_ = false;
    bool ingest_waits_ = false;
    bool deliveries_wait_ = false;
    bool checkpoint_asked_ = false;
    std::vector<journal_request> gathered_;
    std::deque<journal_request> held_;
    store_usage usage_;
    std::size_t bytes_since_look_ = 0;
    std::int64_t last_look_us_ = 0;
    std::int64_t refused_us_ = -1'000'000;
    bool full_ = false;
    bool healed_ = false;
    unsigned halvings_ = 0;
    std::function<void()> stopped_;
};

} // namespace wharf::sim
