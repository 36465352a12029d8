// One event, or all that belong together, through their stages: when and from where they came, how
// identity decided, where each destination stands with them. Reads a journal, live or a copy, a
// page at a time; one thread at a time.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/base/sequence.hpp"
#include "gateway/ports/store.hpp"
#include "wharf/v1/fleet.pb.h"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace wharf {
struct event_head;
}

namespace wharf::views {

class tracer {
  public:
    // errc::invalid where the question asks for nothing that could be found. REQUIRES: the store
    // outlives the tracer.
    static result<tracer> make(store& journal, const v1::TraceCommand& asked);

    // Looks at no more than limits::k_trace_scan_max events, in one read transaction. True: that
    // was all. Who has other work does it between two of them.
    result<bool> step();
    // After the last step: what was found, as docs/formats/fleet.md has it.
    result<nlohmann::ordered_json> answer() const;

  private:
    tracer(store& journal, v1::TraceCommand asked);
    [[nodiscard]] bool fits(const event_head& head, std::string_view stored) const;
    result<nlohmann::ordered_json> quarantined() const;

    store* journal_;
    v1::TraceCommand asked_;
    std::string text_;                // what is looked for, where that is a text
    std::vector<std::uint64_t> keys_; // or hashes of ordering keys
    std::size_t count_max_ = 0;
    sequence after_ = k_no_sequence;
    std::uint64_t looked_at_ = 0;
    std::uint64_t found_ = 0;
    std::deque<sequence> newest_; // of those found, the last count_max_
};

// All of it at once.
[[nodiscard]] result<nlohmann::ordered_json> trace_json(store& journal,
                                                        const v1::TraceCommand& asked);

} // namespace wharf::views
