#include "gateway/ring/ring_store.hpp"

#include "gateway/ring/transactions.hpp"

#include <algorithm>

namespace wharf {

namespace {

constexpr std::int64_t k_try_again_us = 1'000'000;

} // namespace

result<std::unique_ptr<store_writer>> ring_store::begin_write() {
    if (failed_) return error{errc::io, "an earlier commit failed, its outcome is unknown"};
    if (closed_ || read_only_) return error{errc::io, "the store is closed for writing"};
    return std::unique_ptr<store_writer>(new ring_writer(*this));
}

// First the generation, then the transaction below: what that has seen beyond the generation's
// beginning its position says, and the view leaves it out.
result<std::unique_ptr<store_reader>> ring_store::begin_read() {
    std::shared_ptr<overlay> generation;
    std::uint64_t last = 0;
    {
        std::lock_guard lock(snapshot_mutex_);
        generation = generation_;
        last = last_;
    }
    WHARF_TRY_ASSIGN(auto below, below_.begin_read());
    std::uint64_t first = last + 1;
    if (!generation->empty()) {
        WHARF_TRY_ASSIGN(auto position, read_position(*below));
        first = position ? position->sequence : 0;
    }
    overlay_view over(std::move(generation), first, last);
    return std::unique_ptr<store_reader>(new ring_reader(std::move(below), std::move(over)));
}

result<store_usage> ring_store::usage() {
    WHARF_TRY_ASSIGN(store_usage out, below_.usage());
    out.bytes_used = std::min(out.bytes_max, out.bytes_used + generation_->live_bytes());
    return out;
}

bool ring_store::ring_takes(const change_set& changes) const {
    return log_ && changes.encoded_bytes() <= options_.group_bytes_max &&
           log_->fits(changes.encoded_bytes()) &&
           generation_->cost_bytes() + generation_->cost_of(changes) <= room_bytes_ / 2;
}

commit_result ring_store::commit_to_ring(change_set& changes) {
    std::string record = ring_log::begin_record(changes.encoded_bytes());
    changes.append_to(record);
    const std::uint64_t bytes = log_->record_bytes(changes.encoded_bytes());
    const std::uint64_t number = log_->position().sequence;
    if (auto written = log_->append(std::move(record)); !written.ok()) {
        failed_ = true;
        return {commit_outcome::unknown, "write to the ring: " + written.failure().message};
    }
    ++traffic_.ring_records;
    traffic_.ring_bytes += bytes;
    if (generation_->empty()) waiting_since_us_ = now_us_;
    // Readers do not see it before last_ names it.
    generation_->add(number, changes);
    WHARF_ASSERT(generation_->cost_bytes() <= room_bytes_ / 2);
    std::lock_guard lock(snapshot_mutex_);
    last_ = number;
    return {commit_outcome::durable, {}};
}

status ring_store::put_generation(store_writer& into) const {
    return generation_->for_each_newest(
        [&](const std::string& key, const std::optional<std::string>& value) {
            return value ? into.put(key, *value) : into.erase(key);
        });
}

// The group and everything that waits are in this transaction; the position goes with them.
commit_result ring_store::commit_below(store_writer& writer, std::uint64_t cost_bytes) {
    if (log_) {
        ring_position after = log_->position();
        ++after.sequence;
        if (auto put = writer.put(k_ring_position_key, encode(after)); !put.ok())
            return {put.failure().code == errc::no_space ? commit_outcome::no_space
                                                         : commit_outcome::unknown,
                    put.failure().message};
    }
    commit_result out = writer.commit();
    if (out.outcome != commit_outcome::durable) return out;
    ++traffic_.direct_commits;
    if (!log_) return out;
    log_->skip_group();
    log_->checkpointed();
    begin_generation(log_->position().sequence);
    room_bytes_ -= std::min(room_bytes_, cost_bytes);
    measure_again_ = true;
    return out;
}

void ring_store::begin_generation(std::uint64_t first) {
    auto next = std::make_shared<overlay>(page_bytes_);
    std::lock_guard lock(snapshot_mutex_);
    std::swap(generation_, next);
    last_ = first - 1;
}

status ring_store::measure() {
    WHARF_TRY_ASSIGN(store_usage usage, below_.usage());
    std::uint64_t taken = usage.bytes_used + usage.bytes_locked;
    room_bytes_ = usage.bytes_max - std::min(usage.bytes_max, taken);
    page_bytes_ = usage.page_bytes;
    measure_again_ = false;
    return ok();
}

bool ring_store::is_due(std::int64_t now_us) {
    if (generation_->empty()) return false;
    if (!waiting_since_us_) waiting_since_us_ = now_us; // it came before the first tick
    return now_us - *waiting_since_us_ >= options_.checkpoint_us ||
           log_->used_bytes() >= log_->capacity_bytes() / 2 ||
           generation_->cost_bytes() >= room_bytes_ / 4;
}

status ring_store::tick(std::int64_t monotonic_us) {
    const std::int64_t now_us = monotonic_us;
    now_us_ = now_us;
    if (failed_) return error{errc::io, "an earlier commit failed, its outcome is unknown"};
    if (!log_ || closed_) return ok();
    bool may_try = now_us - tried_us_ >= k_try_again_us;
    if (measure_again_ && may_try) {
        tried_us_ = now_us;
        WHARF_TRY(measure());
    }
    if (!is_due(now_us) || (refused_ && !may_try)) return ok();
    tried_us_ = now_us;
    return checkpoint();
}

status ring_store::checkpoint() {
    WHARF_ASSERT(!writing_);
    if (failed_) return error{errc::io, "an earlier commit failed, its outcome is unknown"};
    if (!log_ || generation_->empty()) return ok();
    const std::uint64_t bytes = generation_->live_bytes();
    commit_result done = commit_generation(log_->position());
    if (done.outcome == commit_outcome::unknown) return error{errc::io, done.message};
    refused_ = done.outcome == commit_outcome::no_space;
    if (refused_) {
        ++traffic_.checkpoints_refused;
        return ok();
    }
    ++traffic_.checkpoints;
    traffic_.checkpoint_bytes += bytes;
    return measure();
}

// Everything that waits, and this position, in one transaction.
commit_result ring_store::commit_generation(const ring_position& position) {
    auto fill = [&](store_writer& into) -> status {
        WHARF_TRY(put_generation(into));
        return into.put(k_ring_position_key, encode(position));
    };
    auto writer = below_.begin_write();
    status filled = writer.ok() ? fill(**writer) : status(std::move(writer).failure());
    if (!filled.ok()) {
        bool full = filled.failure().code == errc::no_space;
        if (!full) failed_ = true;
        return {full ? commit_outcome::no_space : commit_outcome::unknown,
                filled.failure().message};
    }
    commit_result out = (*writer)->commit();
    if (out.outcome == commit_outcome::unknown) failed_ = true;
    if (out.outcome != commit_outcome::durable) return out;
    if (log_) log_->checkpointed();
    begin_generation(position.sequence);
    return out;
}

status ring_store::close() {
    WHARF_ASSERT(!writing_);
    if (failed_) return error{errc::io, "an earlier commit failed, its outcome is unknown"};
    if (std::exchange(closed_, true) || !log_) return ok();
    ring_position last = log_->position();
    last.closed = true;
    commit_result done = commit_generation(last);
    // Where there is no space it stays in the ring, and the next start brings it below.
    if (done.outcome == commit_outcome::unknown) return error{errc::io, done.message};
    return ok();
}

} // namespace wharf
