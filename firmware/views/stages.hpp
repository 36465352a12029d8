// Where each destination stands with an event, as far as the journal tells. Reads it in short read
// transactions; one thread at a time.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/journal/epochs.hpp"
#include "gateway/journal/view.hpp"
#include "gateway/ports/store.hpp"
#include "wharf/v1/journal.pb.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace wharf::views {

class stages {
  public:
    // REQUIRES: the store outlives it.
    static result<stages> read(store& journal);

    // One entry for each destination.
    result<nlohmann::ordered_json> of(const event_head& head) const;
    [[nodiscard]] const v1::JournalState& state() const { return state_; }

  private:
    explicit stages(store& journal) : journal_(&journal) {}

    struct destination {
        std::uint8_t number = 0;
        v1::DestinationBooks books;
        delivery_state where;
    };
    [[nodiscard]] static bool is_settled(const destination& at, lane in_lane, sequence number);
    result<nlohmann::ordered_json> at(const destination& one, const event_head& head) const;
    result<nlohmann::ordered_json> blockers(const destination& one, const event_head& head) const;
    [[nodiscard]] std::string key_of(sequence number, std::uint32_t revision) const;

    store* journal_;
    std::string gateway_;
    epochs names_;
    v1::JournalState state_;
    std::vector<destination> destinations_;
};

} // namespace wharf::views
