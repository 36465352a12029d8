// What the ERP refused, as data: for wharfctl and for who asks over the fleet. Reads a journal, in
// short read transactions; any thread.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/base/sequence.hpp"
#include "gateway/journal/view.hpp"
#include "gateway/ports/store.hpp"
#include "wharf/v1/journal.pb.h"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wharf::views {

struct dead_query {
    std::uint64_t after = 0; // only those with a larger number
    std::size_t count_max = 100;
    std::string destination = {}; // empty: every one
    bool waiting = false;         // those held back too
};

struct destination_place {
    std::uint8_t number = 0;
    std::string name;
};

struct found_dead {
    destination_place destination;
    v1::ParkedUpdate update;
};

// Where this update is parked. errc::not_found where it is nowhere.
[[nodiscard]] result<std::vector<found_dead>> find_dead(store& journal, const std::string& only,
                                                        sequence number);
// In the order of their numbers, whatever their destination. At most count_max, but all of the last
// number, so that the next page goes on behind it.
[[nodiscard]] result<std::vector<std::pair<sequence, found_dead>>>
list_dead(store& journal, const dead_query& asked);

[[nodiscard]] std::string_view state_text(v1::ParkedState state);
[[nodiscard]] nlohmann::ordered_json dead_json(const found_dead& dead, sequence number,
                                               const result<stored_record>& record);
// The list, as `wharfctl dead list --json` prints it.
[[nodiscard]] result<nlohmann::ordered_json> dead_list_json(store& journal,
                                                            const dead_query& asked);

} // namespace wharf::views
