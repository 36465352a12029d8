// What the local broker finds in the journal when it starts. Any thread.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/ports/store.hpp"
#include "wharf/v1/journal.pb.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace wharf {

struct local_session {
    std::string client_id;
    std::uint64_t incarnation = 0;
    std::vector<std::pair<std::uint32_t, wharf::v1::SubscriptionRecord>> subscriptions;
    std::vector<std::pair<std::uint64_t, wharf::v1::QueuedMessage>> queue; // in order
};

struct local_state {
    std::vector<local_session> sessions;
    std::vector<std::pair<std::uint64_t, wharf::v1::LocalMessage>> retained;
    std::vector<std::pair<std::uint64_t, wharf::v1::WillRecord>> wills;
};

// Of a journal that was opened, before anything is written to it. errc::corrupt naming the record.
result<local_state> read_local_state(store& from);

} // namespace wharf
