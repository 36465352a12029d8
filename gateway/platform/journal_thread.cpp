#include "gateway/platform/journal_thread.hpp"

#include "gateway/base/limits.hpp"

#include <chrono>

namespace wharf {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::int64_t k_look_every_us = 1'000'000;
constexpr std::size_t k_look_every_bytes = 1024 * 1024;
constexpr auto k_idle_wait = milliseconds(1000);
constexpr auto k_full_wait = milliseconds(100);

std::size_t bytes_of(const journal_request& request) {
    const auto* ingest = std::get_if<ingest_request>(&request);
    if (ingest == nullptr) return 64;
    std::size_t bytes = ingest->message.payload.size() + 256;
    for (const prepared_item& item : ingest->message.items)
        if (const auto* event = std::get_if<prepared_event>(&item.what))
            bytes += event->stored.size() + 256;
    return bytes;
}

// Whether somebody waits for the answer. The rest rides in the next commit.
bool is_urgent(const journal_request& request) {
    if (const auto* delivery = std::get_if<delivery_request>(&request)) return delivery->urgent;
    return !std::holds_alternative<session_close_request>(request);
}

} // namespace

journal_thread::journal_thread(journal& over, store& in, clock_port& clock,
                               journal_callbacks callbacks)
    : journal_(over), store_(in), clock_(clock), callbacks_(std::move(callbacks)),
      opened_us_(clock.monotonic_us()), journal_time_at_open_us_(over.state().journal_time_us()) {
    look_at_space();
    publish_snapshot();
}

journal_thread::~journal_thread() {
    stop();
}

void journal_thread::start() {
    thread_ = std::thread([this] { run(); });
}

void journal_thread::stop() {
    if (!thread_.joinable()) return;
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

bool journal_thread::submit(journal_request request) {
    std::size_t bytes = bytes_of(request);
    bool wake = false;
    bool room = true;
    {
        std::lock_guard lock(mutex_);
        if (is_urgent(request)) wake = !std::exchange(urgent_, true);
        queue_.push_back(std::move(request));
        queued_bytes_ += bytes;
        room = queue_.size() + held_count_ < limits::k_journal_queue_max &&
               queued_bytes_ + held_bytes_ < limits::k_journal_queue_bytes_max;
        if (!room) asked_for_room_ = true;
    }
    if (wake) wake_.notify_one();
    return room;
}

journal_snapshot journal_thread::snapshot() const {
    std::lock_guard lock(mutex_);
    return snapshot_;
}

std::int64_t journal_thread::journal_time_us() const {
    return journal_time_at_open_us_ + clock_.monotonic_us() - opened_us_;
}

void journal_thread::run() {
    while (wait_for_work() && !failed_)
        process();
}

// Returns false when it is time to end and nothing is left to commit.
bool journal_thread::wait_for_work() {
    std::unique_lock lock(mutex_);
    bool released = !full_ && !held_.empty();
    auto ready = [&] { return urgent_ || stopping_ || released; };
    if (!ready()) {
        if (queue_.empty())
            wake_.wait_for(lock, full_ ? k_full_wait : k_idle_wait,
                           [&] { return ready() || !queue_.empty(); });
        // Nothing urgent: let it ride for a while in case something urgent comes.
        if (!queue_.empty()) wake_.wait_for(lock, milliseconds(limits::k_lazy_commit_ms), ready);
    }
    bool ending = stopping_ && queue_.empty();
    lock.unlock();
    gather();
    return !ending || !gathered_.empty();
}

void journal_thread::gather() {
    bool room = false;
    {
        std::lock_guard lock(mutex_);
        std::size_t bytes = 0;
        while (!queue_.empty() && gathered_.size() < limits::k_group_requests_max &&
               bytes < limits::k_group_bytes_max) {
            bytes += bytes_of(queue_.front());
            gathered_.push_back(std::move(queue_.front()));
            queue_.pop_front();
        }
        queued_bytes_ = queue_.empty() ? 0 : queued_bytes_ - std::min(bytes, queued_bytes_);
        urgent_ = !queue_.empty();
        room = queue_.empty() && held_.empty() && std::exchange(asked_for_room_, false);
    }
    if (room) callbacks_.room();
}

void journal_thread::process() {
    std::int64_t now_us = clock_.monotonic_us();
    if (now_us - last_look_us_ >= k_look_every_us || bytes_since_look_ >= k_look_every_bytes ||
        full_)
        look_at_space();
    if (failed_) return;
    if (full_ || !held_.empty()) hold_ingest(gathered_);
    if (!full_) release_held(gathered_);
    if (!commit_group(gathered_)) return;
    gathered_.clear();
    publish_snapshot();
}

// Afterwards the group holds what is not ingest; the rest waits in held_, in its order.
void journal_thread::hold_ingest(std::vector<journal_request>& group) {
    std::vector<journal_request> others;
    for (journal_request& request : group) {
        if (std::holds_alternative<ingest_request>(request))
            held_.push_back(std::move(request));
        else
            others.push_back(std::move(request));
    }
    group = std::move(others);
    count_held();
}

// Space came back: what was held goes first, a group's worth at a time.
void journal_thread::release_held(std::vector<journal_request>& group) {
    std::size_t bytes = 0;
    while (!held_.empty() && bytes < limits::k_group_bytes_max &&
           group.size() < limits::k_group_requests_max) {
        bytes += bytes_of(held_.front());
        group.push_back(std::move(held_.front()));
        held_.pop_front();
    }
    count_held();
}

void journal_thread::count_held() {
    std::size_t bytes = 0;
    for (const journal_request& request : held_)
        bytes += bytes_of(request);
    std::lock_guard lock(mutex_);
    held_bytes_ = bytes;
    held_count_ = held_.size();
}

status journal_thread::apply_group(const std::vector<journal_request>& group) {
    WHARF_TRY(journal_.begin(journal_time_us()));
    for (const journal_request& request : group)
        WHARF_TRY(journal_.apply(request));
    return journal_.maintain(percent_used());
}

// False after a failure that ends the thread.
bool journal_thread::commit_group(std::vector<journal_request>& group) {
    for (bool again = true; again;) {
        again = false;
        std::int64_t began_us = clock_.monotonic_us();
        status applied = apply_group(group);
        commit_result committed{commit_outcome::unknown, {}};
        if (applied.ok()) {
            if (!journal_.dirty()) {
                journal_.roll_back();
                return true;
            }
            committed = journal_.commit();
        } else {
            journal_.roll_back();
            committed.message = applied.failure().message;
            if (applied.failure().code == errc::no_space)
                committed.outcome = commit_outcome::no_space;
        }
        if (committed.outcome == commit_outcome::unknown) {
            fail(committed.message);
            return false;
        }
        if (committed.outcome == commit_outcome::no_space) {
            bool had_ingest = !full_;
            set_full(true, committed.message);
            hold_ingest(group);
            // Without ingest it fits into the reserve; where even that is full, wait and try again.
            if (!had_ingest) std::this_thread::sleep_for(k_full_wait);
            std::lock_guard lock(mutex_);
            again = !group.empty() && (had_ingest || !stopping_);
            continue;
        }
        for (const journal_request& request : group)
            bytes_since_look_ += bytes_of(request);
        if (callbacks_.committed)
            callbacks_.committed({group.size(), clock_.monotonic_us() - began_us});
        auto appended = journal_.take_appended();
        if (!appended.empty()) callbacks_.appended(std::move(appended));
        auto answers = journal_.take_answers();
        if (!answers.empty()) callbacks_.answers(std::move(answers));
    }
    return true;
}

std::uint32_t journal_thread::percent_used() const {
    if (usage_.bytes_max == 0) return 0;
    return static_cast<std::uint32_t>((usage_.bytes_used + bytes_since_look_) * 100 /
                                      usage_.bytes_max);
}

void journal_thread::look_at_space() {
    auto usage = store_.usage();
    if (!usage.ok()) return fail(usage.failure().message);
    usage_ = *usage;
    bytes_since_look_ = 0;
    last_look_us_ = clock_.monotonic_us();
    std::uint32_t percent = percent_used();
    if (percent >= limits::k_journal_full_percent)
        set_full(true, "the journal's quota is used up to " + std::to_string(percent) + " %");
    else if (full_ && percent < limits::k_journal_full_percent - 2)
        set_full(false, {});
}

void journal_thread::set_full(bool full, const std::string& why) {
    if (std::exchange(full_, full) != full && callbacks_.space) callbacks_.space(full, why);
}

void journal_thread::publish_snapshot() {
    std::lock_guard lock(mutex_);
    snapshot_.state = journal_.state();
    snapshot_.usage = usage_;
    snapshot_.full = full_;
    snapshot_.held = held_.size();
}

void journal_thread::fail(const std::string& why) {
    failed_ = true;
    callbacks_.fatal(why);
}

} // namespace wharf
