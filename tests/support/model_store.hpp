// The store port in memory, for tests: transactions, a quota, and failures on demand. It keeps
// apart what can be read and what is durable, because after a failed meta write a real store shows
// what a power cut takes away again. One writer on one thread, readers and the switches on any.
#pragma once

#include "gateway/ports/store.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace wharf::test {

class model_store final : public store {
  public:
    using content = std::map<std::string, std::string, std::less<>>;

    explicit model_store(std::uint64_t bytes_max = std::uint64_t{1} << 40);

    result<std::unique_ptr<store_writer>> begin_write() override;
    result<std::unique_ptr<store_reader>> begin_read() override;
    result<store_usage> usage() override;

    // The next `count` commits change nothing and say that there is no space.
    void refuse_commits(std::size_t count);
    // The put after `count` more of them says that there is no space.
    void refuse_put_after(std::size_t count);
    // Takes both back.
    void refuse_nothing();
    // The next commit's outcome is unknown: what it wrote can be read or not, is durable or not.
    void fail_commit(bool readable, bool durable);
    void set_bytes_max(std::uint64_t bytes_max);
    // Called by each commit before it does anything, on the writer's thread, without the lock.
    void before_commit(std::function<void()> call);
    // Called by each begin_read before it does anything, without the lock.
    void before_begin_read(std::function<void()> call);

    // The process is gone, the machine is not: what could be read still can.
    void restart();
    // The process is gone and with it what was not durable. REQUIRES: no transaction is open.
    void power_cut();

    [[nodiscard]] content read_all() const;
    [[nodiscard]] std::size_t commits() const;
    // Damage: durable at once. REQUIRES: no transaction is open.
    void plant(const std::string& key, std::string value);
    void remove(const std::string& key);

  private:
    friend class model_reader;
    friend class model_writer;

    commit_result finish(const std::map<std::string, std::optional<std::string>>& changes);
    void apply(std::shared_ptr<content>& to,
               const std::map<std::string, std::optional<std::string>>& changes);
    bool put_is_refused();

    mutable std::mutex mutex_;
    // Never changed while a reader has it.
    std::shared_ptr<content> readable_ = std::make_shared<content>();
    std::shared_ptr<content> durable_ = readable_;
    std::uint64_t bytes_ = 0;
    std::uint64_t bytes_max_;
    std::size_t commits_ = 0;
    std::size_t refusals_ = 0;
    std::size_t puts_left_ = 0;
    bool put_refusal_ = false;
    bool fail_next_ = false;
    bool fail_readable_ = false;
    bool fail_durable_ = false;
    bool failed_ = false;
    bool writing_ = false;
    std::function<void()> before_commit_;
    std::function<void()> before_begin_read_;
};

} // namespace wharf::test
