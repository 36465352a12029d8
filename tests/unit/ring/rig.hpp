// A ring_store over a model store and a model device, and the plain map that it has to agree with.
#pragma once

#include "gateway/ring/ring_store.hpp"
#include "tests/support/model_log_device.hpp"
#include "tests/support/model_store.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wharf::test {

using plain_map = std::map<std::string, std::string, std::less<>>;
using changes = std::map<std::string, std::optional<std::string>>;

class counting_random final : public random_port {
  public:
    std::uint64_t next() override { return ++last_ * 0x9e3779b97f4a7c15U; }

  private:
    std::uint64_t last_ = 0;
};

ring_options small_ring();

class ring_rig {
  public:
    explicit ring_rig(ring_options with = small_ring()) : options(with) {}

    status try_open();
    void open();
    // The process is gone, the machine is not; or the machine too. Opens again.
    void restart();
    void power_cut();

    commit_result try_commit(const changes& all);
    // REQUIRES durable; then `expected` has the changes too.
    void commit(const changes& all);
    void put(const std::string& key, const std::string& value) { commit({{key, value}}); }

    [[nodiscard]] ring_store& store() { return *store_; }
    [[nodiscard]] plain_map read_all();
    void end() { store_.reset(); }

    ring_options options;
    model_store below;
    model_log_device device;
    counting_random random;
    plain_map expected;
    std::int64_t now_us = 0;

  private:
    std::unique_ptr<ring_store> store_;
};

plain_map read_forward(store_reader& from);
plain_map read_backward(store_reader& from);
void merge_into(plain_map& to, const changes& all);
std::string text(std::size_t bytes, char of = 'x');

} // namespace wharf::test
