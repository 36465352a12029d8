// What management finds in the journal when it starts, and the links of the audit trail. Any
// thread.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/ports/digest.hpp"
#include "gateway/ports/store.hpp"
#include "wharf/v1/fleet.pb.h"
#include "wharf/v1/journal.pb.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wharf {

struct manage_state {
    std::vector<std::pair<std::string, wharf::v1::CommandRecord>> commands; // by id
    std::optional<wharf::v1::OperatorRoster> roster;
    std::vector<std::pair<std::uint64_t, wharf::v1::OutboundRecord>> outbound; // in order
};

// Of a journal that was opened, before anything is written to it. errc::corrupt naming the record.
result<manage_state> read_manage_state(store& from);

// --- the audit trail -----------------------------------------------------------------------------

using audit_hash = sha256_digest;

// Of the last entry; zeros before the first.
[[nodiscard]] audit_hash head_of(const wharf::v1::JournalState& state);
// The hash of an entry with this number, these bytes and this hash before it.
[[nodiscard]] audit_hash link_of(const audit_hash& before, std::uint64_t number,
                                 std::string_view entry);

struct audit_record {
    std::uint64_t number = 0;
    audit_hash before{};
    wharf::v1::AuditEntry entry;
    std::string bytes; // of the entry
};

// A page of those with larger numbers. Each is linked to the one before it, or corrupt.
result<std::vector<audit_record>> list_audit(store& from, std::uint64_t after,
                                             std::size_t count_max);

} // namespace wharf
