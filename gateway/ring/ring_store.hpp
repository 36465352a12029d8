// A store in front of another one: small groups become durable as one record of a write-ahead ring,
// and from time to time all of them go below in one transaction, a checkpoint. Large groups, and
// all groups where space is short, go below at once, together with what waits in the ring.
//
// The store below holds, under a key of its own, the ring's position: whatever it has seen is in
// it, and what comes behind that position in the ring is not. So every moment at which the power
// may go leaves either the old position with its groups still in the ring, or the new one with them
// below.
//
// The space rule: what was acknowledged from the ring must fit below. With `room` the free bytes of
// the store below when they were last looked at, less what was written since, and `cost` the most
// that the waiting groups can need there: cost <= room / 2, always. A group that would break it
// goes past the ring, where the store below refuses it in time or takes it.
//
// begin_read and what it returns: any thread. The rest: the writer's thread. A failed write to the
// ring and a commit of unknown outcome below both mean: no further transaction, stop the process.
#pragma once

#include "gateway/base/limits.hpp"
#include "gateway/ports/log_device.hpp"
#include "gateway/ports/random.hpp"
#include "gateway/ports/store.hpp"
#include "gateway/ring/overlay.hpp"
#include "gateway/ring/ring_log.hpp"

#include <memory>
#include <mutex>

namespace wharf {

struct ring_options {
    std::uint64_t ring_bytes = std::uint64_t{limits::k_ring_mb_default} << 20; // 0: no ring
    std::uint32_t block_bytes = 4096;
    std::int64_t checkpoint_us = std::int64_t{limits::k_checkpoint_s_default} * 1'000'000;
    std::size_t group_bytes_max = limits::k_ring_group_bytes_max;
};

class ring_store final : public store {
  public:
    // Replays what the ring holds and brings it below in a commit before it returns. Makes a ring
    // where there is none yet or where it has another size now.
    // errc::corrupt: the ring that belongs to this store is gone, foreign or damaged.
    // REQUIRES: both outlive it.
    [[nodiscard]] static result<std::unique_ptr<ring_store>>
    open(store& below, log_device& device, random_port& random, const ring_options& options);

    // To look only: what the ring holds is read into memory, nothing is written. Without a device
    // it shows the last checkpoint.
    [[nodiscard]] static result<std::unique_ptr<ring_store>> open_read_only(store& below,
                                                                            log_device* device);

    result<std::unique_ptr<store_writer>> begin_write() override;
    result<std::unique_ptr<store_reader>> begin_read() override;
    result<store_usage> usage() override;
    status tick(std::int64_t monotonic_us) override;
    status checkpoint() override;
    status close() override;
    [[nodiscard]] store_traffic traffic() const override { return traffic_; }

    [[nodiscard]] bool waits_in_ring() const { return !generation_->empty(); }

  private:
    friend class ring_writer;

    ring_store(store& below, log_device* device, const ring_options& options);

    status recover(random_port& random);
    result<ring_position> replay(ring_log& log, const ring_position& from);
    result<bool> look_at_unused(const std::optional<ring_position>& known);
    status take_up(const ring_position& last);
    status make_ring(const std::optional<ring_position>& known, random_port& random);
    status first_commit(const ring_position& position);
    [[nodiscard]] commit_result commit_generation(const ring_position& position);

    [[nodiscard]] bool ring_takes(const change_set& changes) const;
    [[nodiscard]] commit_result commit_to_ring(change_set& changes);
    [[nodiscard]] commit_result commit_below(store_writer& writer, std::uint64_t cost_bytes);
    [[nodiscard]] status put_generation(store_writer& into) const;
    void begin_generation(std::uint64_t first);
    status measure();
    [[nodiscard]] bool is_due(std::int64_t now_us);

    store& below_;
    log_device* device_;
    const ring_options options_;
    std::optional<ring_log> log_; // open and in use
    store_traffic traffic_;
    bool read_only_ = false;
    bool failed_ = false;
    bool closed_ = false;
    bool writing_ = false;
    std::uint64_t room_bytes_ = 0;
    std::uint32_t page_bytes_ = 4096;
    bool measure_again_ = false;
    bool refused_ = false;                         // the last checkpoint, for want of space
    std::optional<std::int64_t> now_us_;           // of the last tick
    std::optional<std::int64_t> waiting_since_us_; // the oldest group of the generation
    std::int64_t tried_us_ = 0;                    // a checkpoint or a look at the space

    mutable std::mutex snapshot_mutex_;
    std::shared_ptr<overlay> generation_; // guarded against readers, with what follows
    std::uint64_t last_ = 0;              // the newest group in it
};

} // namespace wharf
