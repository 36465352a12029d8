#include "gateway/platform/journal_thread.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/journal/request_bytes.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>

namespace wharf {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::int64_t k_look_every_us = 1'000'000;
constexpr auto k_idle_wait = milliseconds(1000);
constexpr unsigned k_halvings_max = 16; // down to one deletion at a time
constexpr auto k_full_wait = milliseconds(100);

bool fences(const journal_request& request) {
    const auto* delivery = std::get_if<delivery_request>(&request);
    return delivery != nullptr && std::ranges::any_of(delivery->ops, [](const delivery_op& op) {
               return std::holds_alternative<fence_gateway>(op);
           });
}

} // namespace

journal_thread::journal_thread(journal& over, store& in, clock_port& clock,
                               journal_callbacks callbacks)
    : journal_(over), store_(in), clock_(clock), callbacks_(std::move(callbacks)),
      opened_us_(clock.monotonic_us()), journal_time_at_open_us_(over.state().journal_time_us()) {
    if (auto usage = store_.usage(); usage.ok()) usage_ = *usage; // else run() finds out
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

void journal_thread::checkpoint(std::function<void()> done) {
    {
        std::lock_guard lock(mutex_);
        checkpoints_.push_back(std::move(done));
    }
    wake_.notify_one();
}

bool journal_thread::submit(journal_request request) {
    const std::size_t bytes = count_bytes(request);
    const bool delivery = std::holds_alternative<delivery_request>(request);
    if (fences(request)) fencing_ = true;
    bool wake = false;
    bool room = true;
    {
        std::lock_guard lock(mutex_);
        wake = queued() == 0;
        if (is_urgent(request) && !std::exchange(urgent_, true)) wake = true;
        queue_.push_back(std::move(request));
        queued_bytes_ += bytes;
        room = has_room(delivery);
    }
    if (wake) wake_.notify_one();
    return room;
}

bool journal_thread::submit(std::vector<journal_request> requests) {
    std::size_t bytes = 0;
    bool urgent = false;
    for (journal_request& request : requests) {
        WHARF_ASSERT(!std::holds_alternative<delivery_request>(request));
        bytes += count_bytes(request);
        urgent = urgent || is_urgent(request);
    }
    bool wake = false;
    bool room = true;
    {
        std::lock_guard lock(mutex_);
        wake = queued() == 0;
        if (urgent && !std::exchange(urgent_, true)) wake = true;
        std::move(requests.begin(), requests.end(), std::back_inserter(queue_));
        queued_bytes_ += bytes;
        room = has_room(false);
    }
    if (wake) wake_.notify_one();
    return room;
}

// REQUIRES: the lock. Notes who waits for it where there is none.
bool journal_thread::has_room(bool delivery) {
    const std::size_t count = queued() + (delivery ? 0 : held_count_);
    const std::size_t bytes = queued_bytes_ + (delivery ? 0 : held_bytes_);
    const bool room =
        count < limits::k_journal_queue_max && bytes < limits::k_journal_queue_bytes_max;
    if (!room) (delivery ? deliveries_wait_ : ingest_waits_) = true;
    return room;
}

journal_snapshot journal_thread::snapshot() const {
    std::lock_guard lock(mutex_);
    journal_snapshot out = snapshot_;
    if (group_since_us_) out.group_age_us = clock_.monotonic_us() - *group_since_us_;
    return out;
}

std::int64_t journal_thread::journal_time_us() const {
    return journal_time_at_open_us_ + clock_.monotonic_us() - opened_us_;
}

void journal_thread::run() {
    look_at_space();
    while (!failed_ && wait_for_work())
        process();
    if (failed_) return;
    if (auto closed = store_.close(); !closed.ok()) fail(closed.failure().message);
}

// Returns false when it is time to end and nothing is left to commit.
bool journal_thread::wait_for_work() {
    std::unique_lock lock(mutex_);
    bool released = !held_back() && !held_.empty();
    auto ready = [&] { return urgent_ || stopping_ || released || !checkpoints_.empty(); };
    if (!ready()) {
        if (queued() == 0)
            wake_.wait_for(lock, full_ ? k_full_wait : k_idle_wait,
                           [&] { return ready() || queued() > 0; });
        // Nothing urgent: let it ride for a while in case something urgent comes.
        if (queued() > 0) wake_.wait_for(lock, milliseconds(limits::k_lazy_commit_ms), ready);
    }
    bool ending = stopping_ && queued() == 0;
    lock.unlock();
    gather();
    return !ending || !gathered_.empty();
}

void journal_thread::gather() {
    std::lock_guard lock(mutex_);
    const std::size_t bytes = take_queued();
    WHARF_ASSERT(queued_bytes_ >= bytes);
    queued_bytes_ -= bytes;
    urgent_ = queued() > 0;
    if (!gathered_.empty()) group_since_us_ = clock_.monotonic_us();
}

// A share of the quota: what does not fit into what is left is tried again in so small a piece.
std::size_t journal_thread::group_bytes_max() const {
    return static_cast<std::size_t>(std::min<std::uint64_t>(
        limits::k_group_bytes_max, usage_.bytes_max / limits::k_quota_per_group));
}

// A group's worth, and how many bytes it counts for. REQUIRES: the lock.
std::size_t journal_thread::take_queued() {
    if (gathered_.empty() && queue_begin_ == 0 && queue_.size() <= limits::k_group_requests_max &&
        queued_bytes_ < group_bytes_max()) {
        gathered_.swap(queue_);
        return queued_bytes_;
    }
    std::size_t bytes = 0;
    while (queued() > 0 && gathered_.size() < limits::k_group_requests_max &&
           bytes < group_bytes_max()) {
        bytes += bytes_of(queue_[queue_begin_]);
        gathered_.push_back(std::move(queue_[queue_begin_]));
        ++queue_begin_;
    }
    // What is behind moves up when that is less than what was taken.
    if (queue_begin_ * 2 >= queue_.size()) {
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(queue_begin_));
        queue_begin_ = 0;
    }
    return bytes;
}

// At half of the bounds, so that the queue does not run dry before it is filled again.
void journal_thread::tell_room() {
    bool room = false;
    {
        std::lock_guard lock(mutex_);
        auto half_free = [](std::size_t count, std::size_t bytes) {
            return count <= limits::k_journal_queue_max / 2 &&
                   bytes <= limits::k_journal_queue_bytes_max / 2;
        };
        if (half_free(queued() + held_count_, queued_bytes_ + held_bytes_))
            room = std::exchange(ingest_waits_, false);
        if (half_free(queued(), queued_bytes_))
            room = std::exchange(deliveries_wait_, false) || room;
    }
    if (room && callbacks_.room) callbacks_.room();
}

void journal_thread::process() {
    std::int64_t now_us = clock_.monotonic_us();
    if (now_us - last_look_us_ >= k_look_every_us || bytes_since_look_ >= group_bytes_max() ||
        full_)
        look_at_space();
    if (failed_) return;
    if (held_back() || !held_.empty()) hold_ingest(gathered_, place::back);
    if (!held_back()) release_held(gathered_);
    if (!commit_group(gathered_)) return;
    if (!full_) say_full(false, {});
    if (callbacks_.spent) callbacks_.spent(gathered_);
    gathered_.clear();
    publish_snapshot();
    tell_room();
    tend_store();
}

// After the answers: nobody waits for a checkpoint but the groups to come, and who asked for it.
void journal_thread::tend_store() {
    std::vector<std::function<void()>> asked;
    {
        std::lock_guard lock(mutex_);
        asked.swap(checkpoints_);
    }
    status tended = store_.tick(clock_.monotonic_us());
    if (tended.ok() && !asked.empty()) tended = store_.checkpoint();
    if (!tended.ok()) return fail(tended.failure().message);
    for (const auto& done : asked)
        done();
}

// Afterwards the group holds what is not ingest; the rest waits in held_. What was taken out of
// held_ goes back in front of it: a device's messages keep their order.
void journal_thread::hold_ingest(std::vector<journal_request>& group, place where) {
    std::vector<journal_request> ingest;
    std::vector<journal_request> others;
    std::size_t bytes = 0;
    for (journal_request& request : group) {
        bool hold = takes_space(request);
        if (hold) bytes += bytes_of(request);
        (hold ? ingest : others).push_back(std::move(request));
    }
    group = std::move(others);
    held_.insert(where == place::front ? held_.begin() : held_.end(),
                 std::make_move_iterator(ingest.begin()), std::make_move_iterator(ingest.end()));
    std::lock_guard lock(mutex_);
    held_bytes_ += bytes;
    held_count_ = held_.size();
}

// Space came back: what was held goes first, a group's worth at a time.
void journal_thread::release_held(std::vector<journal_request>& group) {
    std::size_t bytes = 0;
    while (!held_.empty() && bytes < group_bytes_max() &&
           group.size() < limits::k_group_requests_max) {
        bytes += bytes_of(held_.front());
        group.push_back(std::move(held_.front()));
        held_.pop_front();
    }
    std::lock_guard lock(mutex_);
    WHARF_ASSERT(held_bytes_ >= bytes);
    held_bytes_ -= bytes;
    held_count_ = held_.size();
}

status journal_thread::apply_group(const std::vector<journal_request>& group) {
    WHARF_TRY(journal_.begin(journal_time_us()));
    for (std::size_t i = 0; i < group.size(); ++i) {
        journal_.prefetch(group, i);
        WHARF_TRY(journal_.apply(group[i]));
    }
    return journal_.maintain(percent_used(), halvings_);
}

// A group that changes nothing is "durable" without a commit.
commit_result journal_thread::try_group(const std::vector<journal_request>& group) {
    status applied = apply_group(group);
    if (!applied.ok()) {
        bool full = applied.failure().code == errc::no_space;
        journal_.roll_back();
        damaged_ = applied.failure().code == errc::corrupt;
        return {full ? commit_outcome::no_space : commit_outcome::unknown,
                applied.failure().message};
    }
    if (journal_.dirty()) return journal_.commit();
    return {commit_outcome::durable, {}};
}

// False after a failure that ends the thread.
bool journal_thread::commit_group(std::vector<journal_request>& group) {
    while (true) {
        std::int64_t began_us = clock_.monotonic_us();
        commit_result committed = try_group(group);
        if (committed.outcome == commit_outcome::unknown) {
            fail(committed.message);
            return false;
        }
        if (committed.outcome == commit_outcome::no_space) {
            refused_us_ = clock_.monotonic_us();
            set_full(true, committed.message);
            if (!wait_for_space(group)) return !failed_;
            continue;
        }
        if (journal_.dirty()) {
            halvings_ = 0;
            for (const journal_request& request : group)
                bytes_since_look_ += bytes_of(request);
            if (callbacks_.committed)
                callbacks_.committed({group.size(), clock_.monotonic_us() - began_us});
        }
        tell();
        return true;
    }
}

void journal_thread::tell() {
    auto appended = journal_.take_appended();
    auto answers = journal_.take_answers();
    if (!journal_.dirty()) journal_.roll_back();
    // First the books: who has its answer and asks for them finds itself counted.
    publish_snapshot();
    if (!appended.empty()) callbacks_.appended(std::move(appended));
    if (!answers.empty()) callbacks_.answers(std::move(answers));
}

// The store refused the group. Without its ingest it fits into the reserve. Where even that is
// full, less is deleted at a time, and then there is nothing left but to wait. False: try no more.
bool journal_thread::wait_for_space(std::vector<journal_request>& group) {
    std::size_t before = group.size();
    hold_ingest(group, place::front);
    if (group.size() < before) return true; // at once, and be it only to delete
    // What is asked for may itself need the space that only deletions give back.
    commit_result deleted = try_group({});
    if (deleted.outcome == commit_outcome::unknown) {
        fail(deleted.message);
        return false;
    }
    if (deleted.outcome == commit_outcome::durable) tell();
    halvings_ = std::min(halvings_ + 1, k_halvings_max);
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, k_full_wait, [this] { return stopping_; });
    return !group.empty() && !stopping_;
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
    else if (full_ && percent < limits::k_journal_full_percent - limits::k_journal_room_percent &&
             last_look_us_ - refused_us_ >= k_look_every_us)
        set_full(false, {});
}

void journal_thread::set_full(bool full, const std::string& why) {
    full_ = full;
    // That there is space again is said when something that waited for it is durable.
    if (full) say_full(true, why);
}

void journal_thread::say_full(bool full, const std::string& why) {
    if (std::exchange(said_full_, full) != full && callbacks_.space) callbacks_.space(full, why);
}

void journal_thread::publish_snapshot() {
    std::lock_guard lock(mutex_);
    snapshot_.state = journal_.state();
    snapshot_.usage = usage_;
    snapshot_.traffic = store_.traffic();
    snapshot_.full = said_full_;
    snapshot_.held = held_.size();
    snapshot_.sessions = journal_.sessions();
    group_since_us_.reset();
}

void journal_thread::fail(const std::string& why) {
    failed_ = true;
    callbacks_.fatal({damaged_ ? errc::corrupt : errc::io, why});
}

} // namespace wharf
