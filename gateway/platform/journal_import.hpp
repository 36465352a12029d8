// A journal's folder made from an export, so that at every moment the folder has either no journal
// that wharfd would open, or the whole one: it is made in a folder inside, checked, closed, and
// moved with one rename. Whatever ends it before that leaves that inner folder, at which wharfd
// refuses to begin a new journal, and which the next import takes away. One thread.
#pragma once

#include "gateway/journal/import.hpp"

#include <functional>
#include <string>

namespace wharf {

struct journal_import_options {
    std::string path;             // the journal's folder; made where it is not there
    std::uint64_t size_bytes = 0; // its quota
    takeover_options takeover;
};

// What has just been done; tests end the process at each.
enum class import_step : std::uint8_t {
    locked,   // nobody else writes here
    made,     // the inner folder and an empty store are there
    filled,   // every record is in it
    verified, // and sound
    closed,
    moved, // the journal is there, whole
    done,
};

struct import_calls {
    std::function<void(import_step)> at;
    std::function<void(bool verifying, std::uint64_t records)> progress;
};

// errc::conflict where there is a journal already, or somebody writes; what import_records() says;
// errc::corrupt with the first finding where the imported journal is not sound.
result<import_summary> import_journal(export_reader& from, const wharf::v1::ExportHeader& of,
                                      const journal_import_options& options, random_port& random,
                                      const import_calls& calls = {});

} // namespace wharf
