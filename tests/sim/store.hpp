// The store port for simulations: transactions over an ordered map, a quota, and what goes wrong
// with disks. What can be read and what is durable are kept apart: the last commit may be readable
// only, and a power cut takes it back. One thread.
//
// A transaction writes into an overlay that its commit moves into the map, so that a commit costs
// what it changes; what a commit that is not durable replaced is kept for the power cut.
#pragma once

#include "gateway/ports/store.hpp"
#include "tests/sim/prng.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace wharf::sim {

// What becomes of a commit.
enum class commit_fate {
    durable,
    no_space, // nothing was changed
    lost,     // outcome unknown to the writer: nothing of it is there
    readable, // outcome unknown to the writer: it can be read, a power cut takes it back
    kept,     // outcome unknown to the writer: it is durable
};

class sim_store final : public store {
  public:
    explicit sim_store(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

    result<std::unique_ptr<store_writer>> begin_write() override;
    result<std::unique_ptr<store_reader>> begin_read() override;
    result<store_usage> usage() override;

    // Of the next commit; the ones after it are durable again.
    void next_commit(commit_fate fate) { fate_ = fate; }
    // The next put of a transaction is refused, as if the map were full.
    void refuse_next_put() { refuse_put_ = true; }
    void fail_next_read() { fail_read_ = true; }
    [[nodiscard]] commit_fate planned_fate() const { return fate_; }

    // The process that had it open is gone.
    void reopen();
    // Takes back what is not durable. True where something was.
    bool power_cut();
    [[nodiscard]] bool unsynced() const { return unsynced_.has_value(); }

  private:
    friend class sim_reader;
    friend class sim_writer;
    using contents = std::map<std::string, std::string, std::less<>>;
    using changes = std::map<std::string, std::optional<std::string>, std::less<>>;

    commit_result commit(changes& overlay, std::uint64_t bytes_used);
    void apply(changes& overlay, bool durable);

    contents data_;
    std::optional<changes> unsynced_; // what the unsynced commit replaced
    std::uint64_t unsynced_bytes_used_ = 0;
    std::uint64_t bytes_max_;
    std::uint64_t bytes_used_ = 0;
    commit_fate fate_ = commit_fate::durable;
    bool refuse_put_ = false;
    bool fail_read_ = false;
    bool failed_ = false;
    bool writing_ = false;
};

} // namespace wharf::sim
