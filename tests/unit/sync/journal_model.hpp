// The journal as delivery sees it, in memory: applies requests, checks that each is legal, and
// answers like journal_view. The tests' witness for the books.
#pragma once

#include "gateway/journal/view.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace wharf::test {

struct model_books {
    std::size_t pending = 0, applied = 0, dead = 0, discarded = 0, shed = 0, other = 0;
};

class journal_model {
  public:
    event_head append(lane in_lane, const std::vector<std::uint64_t>& keys,
                      std::int64_t journal_us);
    // Throws std::logic_error where the request is not legal.
    void apply(const delivery_request& request);

    head_page heads(lane in_lane, sequence after, std::size_t heads_max,
                    std::size_t scan_max) const;
    const event_head& head(sequence number) const { return events_.at(number - 1); }
    delivery_state delivery() const;
    const wharf::v1::ParkedUpdate* parked(sequence number) const;
    std::vector<parked_key> parked_keys(std::uint64_t from, std::size_t count_max) const;
    std::optional<sequence> first_parked(std::uint64_t key, sequence after) const;

    model_books books() const;
    sequence last() const { return events_.size(); }
    std::optional<settlement> settled(sequence number) const;
    bool sealed(sequence number) const;
    const std::map<batch_number, wharf::v1::SealedBatch>& open() const { return open_; }
    const std::map<sequence, wharf::v1::ParkedUpdate>& all_parked() const { return parked_; }
    std::size_t marks() const;
    std::size_t seals = 0;
    std::string fence; // in words, once another gateway has taken over

  private:
    void apply_one(const seal_batch& op);
    void apply_one(const close_batch& op);
    void apply_one(const settle_update& op);
    void apply_one(const advance_low_water& op);
    void apply_one(const set_mark& op);
    void apply_one(const clear_mark& op);
    void apply_one(const park_update& op);
    void apply_one(const settle_parked& op);
    void apply_one(const fence_gateway& op);
    void check() const;
    bool pending(sequence number) const {
        return !settled_.contains(number) && !parked_.contains(number);
    }

    std::vector<event_head> events_;
    std::map<std::uint64_t, std::pair<sequence, lane>> last_of_key_;
    std::map<sequence, settlement> settled_;
    std::map<sequence, wharf::v1::ParkedUpdate> parked_;
    std::map<std::uint64_t, std::set<sequence>> under_;
    std::map<batch_number, wharf::v1::SealedBatch> open_;
    std::array<sequence, k_lane_count> low_water_{};
    std::array<std::set<sequence>, k_lane_count> marks_;
};

} // namespace wharf::test
