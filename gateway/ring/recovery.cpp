// Opening a ring_store: what is read, what is checked, and the commit before anything is returned.
#include "gateway/ring/ring_store.hpp"

namespace wharf {

namespace {

constexpr std::string_view k_foreign =
    "the ring file holds groups that the store beside it has never seen: one of the two is not of "
    "this journal, or is an old copy. Bring back the one that is missing; or move the ring file "
    "away to go on without what only it holds";

} // namespace

ring_store::ring_store(store& below, log_device* device, const ring_options& options)
    : below_(below), device_(device), options_(options),
      generation_(std::make_shared<overlay>(page_bytes_)) {}

result<std::unique_ptr<ring_store>> ring_store::open(store& below, log_device& device,
                                                     random_port& random,
                                                     const ring_options& options) {
    if (options.ring_bytes != 0 && !is_ring_geometry(options.ring_bytes, options.block_bytes))
        return error{errc::invalid, "a ring of " + std::to_string(options.ring_bytes) +
                                        " bytes in blocks of " +
                                        std::to_string(options.block_bytes) + " cannot be"};
    std::unique_ptr<ring_store> opened(new ring_store(below, &device, options));
    WHARF_TRY(opened->recover(random));
    return opened;
}

result<std::unique_ptr<ring_store>> ring_store::open_read_only(store& below, log_device* device) {
    std::unique_ptr<ring_store> opened(new ring_store(below, device, {}));
    opened->read_only_ = true;
    if (device == nullptr) return opened;
    WHARF_TRY_ASSIGN(auto reader, below.begin_read());
    WHARF_TRY_ASSIGN(auto known, read_position(*reader));
    reader.reset();
    if (known && !known->closed) {
        ring_log log(*device);
        WHARF_TRY_ASSIGN(ring_position end, opened->replay(log, *known));
        static_cast<void>(end);
    }
    return opened;
}

result<ring_position> ring_store::replay(ring_log& log, const ring_position& from) {
    begin_generation(from.sequence);
    return log.replay(from, [this](std::uint64_t number, std::string_view body) -> status {
        WHARF_TRY_ASSIGN(change_set changes, change_set::decode(body));
        generation_->add(number, changes);
        last_ = number;
        return ok();
    });
}

status ring_store::recover(random_port& random) {
    WHARF_TRY_ASSIGN(auto reader, below_.begin_read());
    WHARF_TRY_ASSIGN(auto known, read_position(*reader));
    reader.reset();
    WHARF_TRY(measure());
    const bool same_shape = known && known->size_bytes == options_.ring_bytes &&
                            known->block_bytes == options_.block_bytes;
    if (known && !known->closed) {
        ring_log log(*device_);
        WHARF_TRY_ASSIGN(ring_position end, replay(log, *known));
        if (same_shape) return take_up(end);
        end.closed = true;
        WHARF_TRY(first_commit(end));
        known = end;
    }
    WHARF_TRY_ASSIGN(bool is_ours, look_at_unused(known));
    if (is_ours && same_shape && device_->size_bytes() == known->size_bytes) return take_up(*known);
    // The ring goes only when it is certain that it is not needed: that can be read before it is
    // durable, after a meta write that failed.
    const bool off = options_.ring_bytes == 0;
    if (known && (is_ours || off)) WHARF_TRY(first_commit(*known));
    if (!off) return make_ring(known, random);
    return is_ours ? device_->recreate(0) : ok();
}

// No group is missing below. Is there a ring file nevertheless, and is it the one we know? One that
// holds what the store below has never seen is not written over.
result<bool> ring_store::look_at_unused(const std::optional<ring_position>& known) {
    WHARF_TRY_ASSIGN(auto head, read_head(*device_));
    if (!head) return false;
    bool ours = known && head->ring_id == known->ring_id;
    WHARF_TRY_ASSIGN(bool holds, holds_records_from(*device_, *head, ours ? known->epoch : 0,
                                                    ours ? known->sequence : 0));
    if (holds) return error{errc::corrupt, std::string(k_foreign)};
    return ours;
}

// The next epoch is durable before the first record of it is written.
status ring_store::take_up(const ring_position& last) {
    ring_position next = last;
    next.closed = false;
    ++next.epoch;
    WHARF_TRY(first_commit(next));
    log_.emplace(*device_).start(next);
    return ok();
}

status ring_store::make_ring(const std::optional<ring_position>& known, random_port& random) {
    ring_position next;
    next.closed = false;
    next.ring_id = random.next();
    next.size_bytes = options_.ring_bytes;
    next.block_bytes = options_.block_bytes;
    next.epoch = known ? known->epoch + 1 : 1;
    next.lap = 1;
    next.offset = next.block_bytes;
    next.sequence = known ? known->sequence : 1;
    ring_log log(*device_);
    if (auto made = log.format(next); !made.ok()) return std::move(made).failure().in("make ring");
    WHARF_TRY(first_commit(next));
    log_.emplace(*device_).start(next);
    return ok();
}

status ring_store::first_commit(const ring_position& position) {
    const std::uint64_t bytes = generation_->live_bytes();
    commit_result done = commit_generation(position);
    if (done.outcome != commit_outcome::durable)
        return error{done.outcome == commit_outcome::no_space ? errc::no_space : errc::io,
                     "first commit: " + done.message};
    ++traffic_.checkpoints;
    traffic_.checkpoint_bytes += bytes;
    return measure();
}

} // namespace wharf
