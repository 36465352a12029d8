#include "tests/sim/journal_shell.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/journal/request_bytes.hpp"

#include <algorithm>
#include <iterator>

namespace wharf::sim {

namespace {

constexpr std::int64_t k_look_every_us = 1'000'000;
constexpr std::int64_t k_idle_wait_us = 1'000'000;
constexpr unsigned k_halvings_max = 16;
constexpr std::int64_t k_full_wait_us = 100'000;

} // namespace

journal_shell::journal_shell(world& in, process& of, const plan& with, journal& over, store& in_use,
                             sim_disk& disk, journal_calls calls)
    : world_(in), process_(of), plan_(with), journal_(over), store_(in_use), disk_(disk),
      calls_(std::move(calls)), random_(in.random(40).split(of.life())),
      opened_us_(of.monotonic_us()), journal_time_at_open_us_(over.state().journal_time_us()) {}

void journal_shell::start() {
    look_at_space();
    wait_for_work();
}

std::int64_t journal_shell::journal_time_us() const {
    return journal_time_at_open_us_ + process_.monotonic_us() - opened_us_;
}

bool journal_shell::submit(journal_request request) {
    const bool delivery = std::holds_alternative<delivery_request>(request);
    const bool first = queue_.empty();
    const bool urgent = is_urgent(request) && !std::exchange(urgent_, true);
    queued_bytes_ += count_bytes(request);
    queue_.push_back(std::move(request));
    const bool room = has_room(delivery);
    if (state_ == state::waiting && (first || urgent)) wait_for_work();
    return room;
}

bool journal_shell::submit(std::vector<journal_request> requests) {
    const bool first = queue_.empty();
    bool urgent = false;
    for (auto& request : requests) {
        WHARF_ASSERT(!std::holds_alternative<delivery_request>(request));
        queued_bytes_ += count_bytes(request);
        urgent = urgent || is_urgent(request);
        queue_.push_back(std::move(request));
    }
    urgent = urgent && !std::exchange(urgent_, true);
    const bool room = has_room(false);
    if (state_ == state::waiting && (first || urgent)) wait_for_work();
    return room;
}

bool journal_shell::has_room(bool delivery) {
    const auto count = queue_.size() + (delivery ? 0 : held_.size());
    const auto bytes = queued_bytes_ + (delivery ? 0 : held_bytes_);
    const bool room = count < plan_.gateway.queue_max && bytes < limits::k_journal_queue_bytes_max;
    if (room) return true;
    if (!std::exchange(delivery ? deliveries_wait_ : ingest_waits_, true))
        world_.fired(fault::queue_full);
    return false;
}

void journal_shell::checkpoint() {
    checkpoint_asked_ = true;
    if (state_ == state::waiting) wait_for_work();
}

void journal_shell::wake(std::int64_t after_us) {
    process_.post(after_us, [this, number = ++wake_number_] {
        if (number != wake_number_ || state_ != state::waiting) return;
        gather();
        process_group();
    });
}

// When to look next: at once where somebody waits, soon where something can ride, else now and
// then.
void journal_shell::wait_for_work() {
    const bool released = !full_ && !held_.empty();
    if (urgent_ || stopped_ || released || checkpoint_asked_) return wake(process_.hop_us());
    if (!queue_.empty()) return wake(std::int64_t{limits::k_lazy_commit_ms} * 1000);
    wake(full_ ? k_full_wait_us : k_idle_wait_us);
}

std::size_t journal_shell::group_bytes_max() const {
    return static_cast<std::size_t>(std::min<std::uint64_t>(
        limits::k_group_bytes_max, usage_.bytes_max / limits::k_quota_per_group));
}

void journal_shell::gather() {
    std::size_t bytes = 0;
    while (!queue_.empty() && gathered_.size() < plan_.gateway.group_requests_max &&
           bytes < group_bytes_max()) {
        bytes += bytes_of(queue_.front());
        gathered_.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    WHARF_ASSERT(queued_bytes_ >= bytes);
    queued_bytes_ -= bytes;
    urgent_ = !queue_.empty();
}

void journal_shell::process_group() {
    const auto now_us = process_.monotonic_us();
    if (now_us - last_look_us_ >= k_look_every_us || bytes_since_look_ >= group_bytes_max() ||
        full_)
        look_at_space();
    if (full_ || !held_.empty()) hold_ingest(place::back);
    if (!full_) release_held();
    commit_group();
}

status journal_shell::apply_group() {
    WHARF_TRY(journal_.begin(journal_time_us()));
    for (std::size_t i = 0; i < gathered_.size(); ++i) {
        journal_.prefetch(gathered_, i);
        WHARF_TRY(journal_.apply(gathered_[i]));
    }
    return journal_.maintain(percent_used(), halvings_);
}

void journal_shell::draw_fate() {
    if (healed_) return;
    const auto& rates = plan_.machine;
    if (random_.chance(rates.put_no_space)) {
        world_.fired(fault::put_no_space);
        disk_.tree.refuse_next_put();
    }
    if (random_.chance(rates.commit_no_space)) {
        disk_.next_write(commit_fate::no_space);
    } else if (random_.chance(rates.commit_fails)) {
        constexpr std::array fates = {commit_fate::lost, commit_fate::readable, commit_fate::kept};
        disk_.next_write(random_.pick(fates));
    }
}

void journal_shell::commit_group() {
    draw_fate();
    if (auto applied = apply_group(); !applied.ok()) {
        journal_.roll_back();
        if (applied.failure().code != errc::no_space) fail(applied.failure());
        return no_space();
    }
    state_ = state::committing;
    if (!journal_.dirty()) return finish_group();
    auto commit_us = random_.between(plan_.machine.commit_us / 2, plan_.machine.commit_us);
    if (!healed_ && random_.chance(plan_.machine.slow_commit)) {
        world_.fired(fault::slow_commit);
        commit_us += random_.between(50, 3000) * k_ms;
    }
    if (!healed_ && random_.chance(plan_.machine.kill_at_commit)) {
        world_.fired(fault::killed_before_commit);
        throw process_death{random_.chance(5000) ? death::killed : death::power_cut};
    }
    process_.post(commit_us, [this] { finish_group(); });
}

void journal_shell::finish_group() {
    if (journal_.dirty()) {
        const auto fate = disk_.planned_fate();
        const auto committed = journal_.commit();
        disk_.forget_fate();
        if (committed.outcome == commit_outcome::unknown) {
            world_.fired(fate == commit_fate::lost       ? fault::commit_failed_lost
                         : fate == commit_fate::readable ? fault::commit_failed_readable
                                                         : fault::commit_failed_kept);
            throw process_death{death::failed};
        }
        if (committed.outcome == commit_outcome::no_space) {
            if (fate == commit_fate::no_space) world_.fired(fault::commit_no_space);
            return no_space();
        }
        halvings_ = 0;
        for (const journal_request& request : gathered_)
            bytes_since_look_ += bytes_of(request);
        calls_.durable();
        if (!healed_ && random_.chance(plan_.machine.kill_at_commit)) {
            world_.fired(fault::killed_after_commit);
            state_ = state::failed;
            throw process_death{random_.chance(5000) ? death::killed : death::power_cut};
        }
    }
    tell();
    calls_.spent(gathered_);
    gathered_.clear();
    group_done();
}

void journal_shell::tell() {
    auto appended = journal_.take_appended();
    auto answers = journal_.take_answers();
    if (!journal_.dirty()) journal_.roll_back();
    if (!appended.empty()) calls_.appended(std::move(appended));
    if (!answers.empty()) calls_.answers(std::move(answers));
}

void journal_shell::group_done() {
    state_ = state::waiting;
    tell_room();
    tend_store();
    if (stopped_ && queue_.empty()) {
        if (!store_.close().ok()) throw process_death{death::failed};
        return stopped_();
    }
    wait_for_work();
}

void journal_shell::tell_room() {
    const auto half_free = [this](std::size_t count, std::size_t bytes) {
        return count <= plan_.gateway.queue_max / 2 &&
               bytes <= limits::k_journal_queue_bytes_max / 2;
    };
    bool room = false;
    if (half_free(queue_.size() + held_.size(), queued_bytes_ + held_bytes_))
        room = std::exchange(ingest_waits_, false);
    if (half_free(queue_.size(), queued_bytes_))
        room = std::exchange(deliveries_wait_, false) || room;
    if (room) calls_.room();
}

void journal_shell::tend_store() {
    const bool fails = !healed_ && random_.chance(plan_.machine.commit_fails);
    if (fails) {
        constexpr std::array fates = {commit_fate::lost, commit_fate::readable, commit_fate::kept};
        disk_.next_write(random_.pick(fates));
    }
    auto tended = store_.tick(process_.monotonic_us());
    if (tended.ok() && std::exchange(checkpoint_asked_, false)) tended = store_.checkpoint();
    disk_.forget_fate();
    if (tended.ok()) return;
    if (!fails) fail(tended.failure());
    world_.fired(fault::checkpoint_failed);
    throw process_death{death::failed};
}

// The store refused the group: its ingest is held, then something is deleted, then it waits.
void journal_shell::no_space() {
    refused_us_ = process_.monotonic_us();
    set_full(true);
    const auto before = gathered_.size();
    hold_ingest(place::front);
    if (gathered_.size() < before) return commit_group();
    std::vector<journal_request> waiting;
    waiting.swap(gathered_);
    auto deleted = apply_group();
    if (!deleted.ok()) {
        journal_.roll_back();
        if (deleted.failure().code != errc::no_space) fail(deleted.failure());
    } else if (journal_.dirty()) {
        const auto fate = disk_.planned_fate();
        const auto committed = journal_.commit();
        disk_.forget_fate();
        if (committed.outcome == commit_outcome::unknown) {
            world_.fired(fate == commit_fate::lost       ? fault::commit_failed_lost
                         : fate == commit_fate::readable ? fault::commit_failed_readable
                                                         : fault::commit_failed_kept);
            throw process_death{death::failed};
        }
        if (committed.outcome == commit_outcome::durable) {
            calls_.durable();
            tell();
        }
    } else {
        tell();
    }
    halvings_ = std::min(halvings_ + 1, k_halvings_max);
    gathered_.swap(waiting);
    state_ = state::out_of_space;
    process_.post(k_full_wait_us, [this] {
        if (gathered_.empty() || stopped_) {
            calls_.spent(gathered_);
            gathered_.clear();
            return group_done();
        }
        commit_group();
    });
}

void journal_shell::hold_ingest(place where) {
    std::vector<journal_request> ingest;
    std::vector<journal_request> others;
    for (journal_request& request : gathered_) {
        const bool hold = takes_space(request);
        if (hold) held_bytes_ += bytes_of(request);
        (hold ? ingest : others).push_back(std::move(request));
    }
    gathered_ = std::move(others);
    held_.insert(where == place::front ? held_.begin() : held_.end(),
                 std::make_move_iterator(ingest.begin()), std::make_move_iterator(ingest.end()));
}

void journal_shell::release_held() {
    std::size_t bytes = 0;
    while (!held_.empty() && bytes < group_bytes_max() &&
           gathered_.size() < plan_.gateway.group_requests_max) {
        bytes += bytes_of(held_.front());
        gathered_.push_back(std::move(held_.front()));
        held_.pop_front();
    }
    WHARF_ASSERT(held_bytes_ >= bytes);
    held_bytes_ -= bytes;
}

std::uint32_t journal_shell::percent_used() const {
    return static_cast<std::uint32_t>((usage_.bytes_used + bytes_since_look_) * 100 /
                                      usage_.bytes_max);
}

void journal_shell::look_at_space() {
    auto usage = store_.usage();
    if (!usage.ok()) fail(usage.failure());
    usage_ = *usage;
    bytes_since_look_ = 0;
    last_look_us_ = process_.monotonic_us();
    const auto percent = percent_used();
    if (percent >= limits::k_journal_full_percent)
        set_full(true);
    else if (full_ && percent < limits::k_journal_full_percent - 2 &&
             last_look_us_ - refused_us_ >= k_look_every_us)
        set_full(false);
}

void journal_shell::set_full(bool full) {
    if (std::exchange(full_, full) == full) return;
    if (full) world_.fired(fault::quota_reached);
    calls_.space(full);
}

void journal_shell::stop(std::function<void()> done) {
    stopped_ = std::move(done);
    if (state_ == state::waiting) wait_for_work();
}

void journal_shell::die(death how) {
    if (state_ != state::committing || how == death::stopped || how == death::failed) return;
    const bool arrived = random_.chance(4000);
    if (how == death::power_cut) {
        world_.fired(arrived ? fault::power_cut_kept_group : fault::power_cut_lost_group);
        disk_.next_write(arrived ? commit_fate::kept : commit_fate::lost);
    } else {
        if (arrived) world_.fired(fault::killed_between_write_and_sync);
        disk_.next_write(arrived ? commit_fate::readable : commit_fate::lost);
    }
    static_cast<void>(journal_.commit());
    state_ = state::failed;
}

void journal_shell::fail(const error& why) {
    if (why.code == errc::corrupt) violated("journal", "the journal is damaged: " + why.message);
    throw process_death{death::failed};
}

} // namespace wharf::sim
