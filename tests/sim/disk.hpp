// The gateway's disk: the store, and the file that the write-ahead ring stands in. What was written
// last may be readable and not durable; a power cut takes it back, from the ring's file block by
// block. One thread.
#pragma once

#include "gateway/ports/log_device.hpp"
#include "tests/sim/store.hpp"
#include "tests/sim/world.hpp"

#include <optional>
#include <string>

namespace wharf::sim {

class sim_log_device final : public log_device {
  public:
    [[nodiscard]] std::uint64_t size_bytes() const override { return bytes_.size(); }
    result<std::string> read(std::uint64_t offset, std::size_t size_bytes) override;
    status write_durable(std::uint64_t offset, std::string_view bytes) override;
    status recreate(std::uint64_t size_bytes) override;

    void next_write(commit_fate fate) { fate_ = fate; }
    [[nodiscard]] bool unsynced() const { return unsynced_.has_value(); }
    // Of what is not durable each block is old, new or damaged.
    void power_cut(prng& random);

  private:
    struct write {
        std::uint64_t offset = 0;
        std::string before;
    };
    std::string bytes_;
    std::optional<write> unsynced_;
    commit_fate fate_ = commit_fate::durable;
};

class sim_disk {
  public:
    sim_disk(world& in, std::uint64_t bytes_max)
        : world_(in), random_(in.random(95)), tree(bytes_max) {}

    // Of the next write, whichever of the two it is.
    void next_write(commit_fate fate);
    void forget_fate() { next_write(commit_fate::durable); }
    [[nodiscard]] commit_fate planned_fate() const { return fate_; }
    void reopen();
    void power_cut();

  private:
    world& world_;
    prng random_;
    commit_fate fate_ = commit_fate::durable;

  public:
    sim_store tree;
    sim_log_device ring;
};

} // namespace wharf::sim
