// The journal thread: takes what the other threads want durable, applies it in groups, commits each
// group once, and tells the others only then. A commit is never waited for when there is something
// urgent to do; while one is on its way to the disk the next group gathers by itself.
//
// submit() may be called from any thread. The callbacks run on the journal thread and must not
// block. After fatal() nothing more is applied or answered.
#pragma once

#include "gateway/journal/journal.hpp"
#include "gateway/ports/clock.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace wharf {

struct group_report {
    std::size_t requests = 0;
    std::int64_t commit_us = 0; // from the beginning of the group to its durability
};

struct journal_callbacks {
    std::function<void(std::vector<journal_answer>)> answers;
    std::function<void(std::vector<event_head>)> appended;
    // There is room in the queue again after submit() said false, to whomever.
    std::function<void()> room;
    // A commit's outcome is unknown or the journal is damaged: stop the process, acknowledge
    // nothing.
    // errc::corrupt: a restart does not help. errc::io: restart and recover.
    std::function<void(const error&)> fatal;
    // The quota is reached, or no longer: ingest is held back meanwhile.
    std::function<void(bool full, const std::string& why)> space;
    std::function<void(const group_report&)> committed;
    // Requests that have been dealt with: their memory may be taken to be used again. What is left
    // in the vector goes, its capacity stays.
    std::function<void(std::vector<journal_request>&)> spent;
};

// A copy for readers on other threads.
struct journal_snapshot {
    wharf::v1::JournalState state;
    store_usage usage;
    store_traffic traffic;
    bool full = false;
    std::size_t held = 0; // messages that wait for space
    std::uint64_t sessions = 0;
    std::int64_t group_age_us =
        0; // how long the group that is being committed has taken; 0: none is
};

class journal_thread {
  public:
    // REQUIRES: all three outlive the thread.
    journal_thread(journal& over, store& in, clock_port& clock, journal_callbacks callbacks);
    ~journal_thread();
    journal_thread(const journal_thread&) = delete;
    journal_thread& operator=(const journal_thread&) = delete;

    void start();
    // Commits what was submitted, closes the store and ends. What is held for want of space stays
    // unacknowledged.
    void stop();

    // Brings what is durable into its final place, for somebody who wants to look at the files.
    // Then calls `done`, on the journal thread; never where the thread ends before.
    void checkpoint(std::function<void()> done);

    // Always takes the request. False: the queue is at its bound, submit no more until room(). What
    // is held for want of space counts for ingest and sessions only: deliveries, whose outcomes
    // make space, must never wait for it.
    bool submit(journal_request request);
    // The same for several, none of them a delivery.
    bool submit(std::vector<journal_request> requests);

    [[nodiscard]] journal_snapshot snapshot() const;
    // Time that the journal has been open, in all its runs.
    [[nodiscard]] std::int64_t journal_time_us() const;

  private:
    [[nodiscard]] bool has_room(bool delivery);
    [[nodiscard]] std::size_t queued() const { return queue_.size() - queue_begin_; }
    [[nodiscard]] std::size_t group_bytes_max() const;
    std::size_t take_queued();
    void run();
    bool wait_for_work();
    void gather();
    void process();
    bool commit_group(std::vector<journal_request>& group);
    commit_result try_group(const std::vector<journal_request>& group);
    status apply_group(const std::vector<journal_request>& group);
    bool wait_for_space(std::vector<journal_request>& group);
    void tell();
    void tell_room();
    void tend_store();
    enum class place { front, back };
    void hold_ingest(std::vector<journal_request>& group, place where);
    void release_held(std::vector<journal_request>& group);
    void look_at_space();
    void set_full(bool full, const std::string& why);
    void say_full(bool full, const std::string& why);
    void publish_snapshot();
    void fail(const std::string& why);
    [[nodiscard]] std::uint32_t percent_used() const;
    // For want of space; or because nothing that this gateway takes would be delivered any more.
    [[nodiscard]] bool held_back() const {
        return full_ || fencing_ || journal_.fenced() || journal_.ended();
    }

    journal& journal_;
    store& store_;
    clock_port& clock_;
    const journal_callbacks callbacks_;
    const std::int64_t opened_us_;
    const std::int64_t journal_time_at_open_us_;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<journal_request> queue_; // guarded, with what follows
    std::size_t queue_begin_ = 0;        // what is before was taken
    std::size_t queued_bytes_ = 0;
    std::size_t held_bytes_ = 0;
    std::size_t held_count_ = 0;
    bool urgent_ = false;
    bool stopping_ = false;
    std::vector<std::function<void()>> checkpoints_;
    std::optional<std::int64_t> group_since_us_;
    bool ingest_waits_ = false;    // submit() said false to ingest or a session
    bool deliveries_wait_ = false; // ... to a delivery
    journal_snapshot snapshot_;

    // Of the journal thread alone.
    std::vector<journal_request> gathered_;
    std::deque<journal_request> held_;
    store_usage usage_;
    std::size_t bytes_since_look_ = 0;
    std::int64_t last_look_us_ = 0;
    bool full_ = false;
    bool said_full_ = false; // stays while what was held is tried and refused again
    bool failed_ = false;
    bool damaged_ = false;
    std::int64_t refused_us_ = -1'000'000; // when the store last said that it is full
    unsigned halvings_ = 0; // of what maintain() may do, while the store refuses even that
    // From a fence's submission on: what shares its group is not answered either.
    std::atomic<bool> fencing_ = false;
    std::thread thread_;
};

} // namespace wharf
