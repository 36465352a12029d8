// Under which epoch an event has its name. A journal draws one when it is made; each takeover draws
// another, for the events that come after it. Names given before stay. Plain values.
#pragma once

#include "gateway/base/sequence.hpp"
#include "wharf/v1/journal.pb.h"

#include <cstdint>
#include <vector>

namespace wharf {

struct epochs {
    struct takeover {
        std::uint32_t number = 0;
        std::uint32_t epoch = 0;
        sequence after = k_no_sequence; // the last event that is named under the epoch before
    };

    std::uint32_t first = 0;
    std::vector<takeover> takeovers; // in order

    [[nodiscard]] std::uint32_t of(sequence number) const noexcept {
        for (auto at = takeovers.rbegin(); at != takeovers.rend(); ++at)
            if (number > at->after) return at->epoch;
        return first;
    }
    [[nodiscard]] std::uint32_t newest() const noexcept {
        return takeovers.empty() ? first : takeovers.back().epoch;
    }
    // Of the last takeover; 0 where the journal is where it was made.
    [[nodiscard]] std::uint32_t takeover_number() const noexcept {
        return takeovers.empty() ? 0 : takeovers.back().number;
    }
};

inline epochs epochs_of(const wharf::v1::JournalHeader& header) {
    epochs out{header.epoch(), {}};
    for (const auto& one : header.takeovers())
        out.takeovers.push_back({one.number(), one.epoch(), one.after()});
    return out;
}

} // namespace wharf
