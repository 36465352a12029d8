// The transactions of a ring_store. Readers: any thread, one each. The writer: the writer's thread.
#pragma once

#include "gateway/ring/change_set.hpp"
#include "gateway/ring/overlay.hpp"
#include "gateway/ring/ring_store.hpp"

#include <memory>
#include <optional>

namespace wharf {

// What waits in the ring over a transaction of the store below, without the ring's position.
class ring_reader final : public store_reader {
  public:
    ring_reader(std::unique_ptr<store_reader> below, overlay_view over);

    result<std::optional<std::string_view>> get(std::string_view key) override;
    status scan(std::string_view from, const visitor& visit) override;
    status scan_back(std::string_view before, const visitor& visit) override;
    void will_read(std::string_view part) override { below_->will_read(part); }

  private:
    std::unique_ptr<store_reader> below_;
    const overlay_view over_;
    const bool layered_;
};

// Collects a group's changes until it is known which way they go: as soon as they are too many for
// a record of the ring they are in a transaction of the store below, and so is what waits.
class ring_writer final : public store_writer {
  public:
    explicit ring_writer(ring_store& of);
    ~ring_writer() override;

    result<std::optional<std::string_view>> get(std::string_view key) override;
    status scan(std::string_view from, const visitor& visit) override;
    status scan_back(std::string_view before, const visitor& visit) override;
    void will_read(std::string_view part) override;
    status put(std::string_view key, std::string_view value) override;
    status put_pieces(std::string_view key, std::span<const std::string_view> pieces) override;
    status erase(std::string_view key) override;
    commit_result commit() override;

  private:
    status scan_either(std::string_view start, bool back, const visitor& visit);
    result<store_reader*> under();
    status after_change();
    status go_direct();
    status fill(store_writer& direct);
    void end();

    ring_store& store_;
    change_set changes_;
    std::unique_ptr<store_reader> under_; // opened at the first read
    std::unique_ptr<store_writer> direct_;
    std::uint64_t direct_cost_bytes_ = 0;
    std::optional<error> broken_;
    bool ended_ = false;
};

} // namespace wharf
