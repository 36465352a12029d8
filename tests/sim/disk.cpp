#include "tests/sim/disk.hpp"

#include "gateway/base/assert.hpp"

#include <algorithm>

namespace wharf::sim {

namespace {
constexpr std::size_t k_sector_bytes = 512;

error failed() {
    return error{errc::io, "input/output error"};
}
} // namespace

result<std::string> sim_log_device::read(std::uint64_t offset, std::size_t size_bytes) {
    WHARF_ASSERT(offset + size_bytes <= bytes_.size());
    return bytes_.substr(offset, size_bytes);
}

status sim_log_device::write_durable(std::uint64_t offset, std::string_view bytes) {
    WHARF_ASSERT(offset % k_sector_bytes == 0 && bytes.size() % k_sector_bytes == 0);
    WHARF_ASSERT(offset + bytes.size() <= bytes_.size());
    // No space is nothing that can happen here: the file is there in full.
    const auto fate = std::exchange(fate_, commit_fate::durable);
    if (fate == commit_fate::lost) return failed();
    if (fate == commit_fate::readable)
        unsynced_ = write{offset, bytes_.substr(offset, bytes.size())};
    else
        unsynced_.reset(); // a sync covers what was written before
    bytes_.replace(offset, bytes.size(), bytes);
    if (fate == commit_fate::readable || fate == commit_fate::kept) return failed();
    return ok();
}

status sim_log_device::recreate(std::uint64_t size_bytes) {
    const auto fate = std::exchange(fate_, commit_fate::durable);
    if (fate == commit_fate::lost) return failed();
    bytes_.assign(size_bytes, '\0');
    unsynced_.reset();
    if (fate == commit_fate::readable || fate == commit_fate::kept) return failed();
    return ok();
}

void sim_log_device::power_cut(prng& random) {
    if (!unsynced_) return;
    const auto [offset, before] = *std::exchange(unsynced_, std::nullopt);
    for (std::size_t at = 0; at < before.size(); at += k_sector_bytes) {
        switch (random.below(3)) {
        case 0:
            bytes_.replace(offset + at, k_sector_bytes, before, at, k_sector_bytes);
            break;
        case 1:
            for (std::size_t i = 0; i < k_sector_bytes; ++i)
                bytes_[offset + at + i] = static_cast<char>(random.next());
            break;
        default:
            break;
        }
    }
}

void sim_disk::next_write(commit_fate fate) {
    fate_ = fate;
    tree.next_commit(fate);
    ring.next_write(fate == commit_fate::no_space ? commit_fate::durable : fate);
}

void sim_disk::reopen() {
    forget_fate();
    tree.reopen();
}

void sim_disk::power_cut() {
    world_.fired(fault::power_cut);
    if (ring.unsynced()) {
        world_.fired(fault::ring_write_torn);
        ring.power_cut(random_);
    }
    if (tree.power_cut()) world_.fired(fault::unsynced_state_lost);
}

} // namespace wharf::sim
