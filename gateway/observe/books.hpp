// The books as people and machines read them: both equations, and whether they balance. Pure
// values. Any thread.
#pragma once

#include "gateway/base/result.hpp"
#include "wharf/v1/journal.pb.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wharf::observe {

struct intake_books {
    std::uint64_t received = 0;
    std::uint64_t refused = 0;
    std::uint64_t quarantined = 0;
    std::uint64_t duplicate = 0;
    std::uint64_t accepted = 0;

    // received = refused + quarantined + duplicate + accepted
    [[nodiscard]] std::uint64_t explained() const noexcept {
        return refused + quarantined + duplicate + accepted;
    }
    [[nodiscard]] bool balances() const noexcept { return received == explained(); }
};

struct destination_books {
    std::string name;
    std::uint64_t filtered = 0;
    std::uint64_t pending = 0;
    std::uint64_t superseded = 0;
    std::uint64_t applied = 0;
    std::uint64_t handed_over = 0;
    std::uint64_t dead = 0;
    std::uint64_t discarded = 0;
    std::uint64_t shed = 0;

    // accepted = filtered + pending + superseded + applied + handed_over + dead + discarded + shed
    [[nodiscard]] std::uint64_t explained() const noexcept {
        return filtered + pending + superseded + applied + handed_over + dead + discarded + shed;
    }
    [[nodiscard]] bool balances(std::uint64_t accepted) const noexcept {
        return accepted == explained();
    }
};

struct books {
    intake_books intake;
    std::vector<destination_books> destinations;

    [[nodiscard]] bool balance() const noexcept;
};

[[nodiscard]] books books_of(const v1::JournalState& state);

[[nodiscard]] std::string books_json(const books& of);
// What books_json wrote; errc::invalid where it is something else.
[[nodiscard]] result<books> books_from_json(std::string_view text);
// For a terminal: each equation in full, term by term, and its verdict.
[[nodiscard]] std::string books_table(const books& of);

} // namespace wharf::observe
