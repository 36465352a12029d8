// A journal made anew from an export: checked record by record, and as a whole, before it is one.
// The journal goes on under the same gateway's name as the next takeover; what was accepted before
// keeps its names. The folder around it is gateway/platform/journal_import.hpp. One thread.
#pragma once

#include "gateway/journal/export.hpp"
#include "gateway/journal/inspect.hpp"
#include "gateway/ports/random.hpp"

namespace wharf {

struct takeover_options {
    // Which takeover it becomes; 0: the one after the export's. A lower one is refused.
    std::uint32_t number = 0;
    std::int64_t at_us = 0; // wall clock
};

struct import_summary {
    wharf::v1::JournalHeader header; // as it is from now on
    wharf::v1::JournalState state;
    std::uint64_t records = 0;
    bool was_fenced = false; // the exported one
};

// Fills an empty store. Header and books are written last, together; before that no journal opens
// over it. Errors: as export_reader's; errc::conflict where the export contradicts itself;
// errc::no_space. REQUIRES: from.header() was read and is `of`.
result<import_summary> import_records(export_reader& from, const wharf::v1::ExportHeader& of,
                                      store& into, random_port& random, takeover_options options,
                                      const record_progress& progress = {});

} // namespace wharf
