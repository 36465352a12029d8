// What requests to the journal count for while they wait, and which cannot wait. Any thread.
#pragma once

#include "gateway/journal/requests.hpp"

#include <cstddef>

namespace wharf {

// In memory and, about, in the store.
[[nodiscard]] std::size_t bytes_of(const journal_request& request);
// The same, noted in the request: counted once, on the thread that has it at hand.
std::size_t count_bytes(journal_request& request);
// Whether somebody waits for the answer. The rest rides in the next commit.
[[nodiscard]] bool is_urgent(const journal_request& request);
// Whether it adds to what is kept, or has to stay behind what does: it waits while the journal is
// full.
[[nodiscard]] bool takes_space(const journal_request& request);

} // namespace wharf
