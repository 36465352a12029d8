// What wharfctl can do: each verb prints its result and returns the exit code. Reading verbs open
// the journal read-only, live or copied, in short transactions; commands ask the running wharfd.
#pragma once

#include "gateway/base/result.hpp"
#include "gateway/journal/inspect.hpp"
#include "gateway/ports/store.hpp"

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

namespace wharf::views {}

namespace wharf::ctl {

using namespace views;

enum exit_code : int {
    k_exit_good = 0,
    k_exit_finding = 1, // it worked, and what it found is not good
    k_exit_usage = 2,   // the command line makes no sense
    k_exit_failed = 3,  // it could not be done: no journal, no daemon, no such number
};

// Where things are: from the command line, or else from the configuration.
struct places {
    std::string journal;
    std::string socket;
    std::string identities;       // the file; empty: none is named
    std::string gateway;          // as the configuration names it; empty: none was read
    std::uint32_t journal_mb = 0; // the journal's configured or default size
    bool journal_named = false;   // --journal: read it, do not ask the daemon
    std::string own;              // the configuration's text and file; empty: none was read
    std::string own_name;
    bool json = false;
};

// Prints results to out, words about failures to err.
struct console {
    std::ostream& out;
    std::ostream& err;
};
// "wharfctl: <error>" and k_exit_failed.
int failed(const console& to, const error& why);

[[nodiscard]] result<std::unique_ptr<store>> open_journal(const places& at, const console& to);
// Asks the daemon. An answer with an error status comes back as errc::conflict with its words.
[[nodiscard]] result<std::string> ask_daemon(const places& at, std::string_view method,
                                             std::string_view path, std::string body = {});

int show_books(const places& at, const console& to);
int show_status(const places& at, const console& to);

struct page_options {
    std::uint64_t after = 0;
    std::uint32_t count_max = 100;
};
int list_quarantined(const places& at, const console& to, const page_options& page);
int discard_quarantined(const places& at, const console& to, std::uint64_t number,
                        const std::string& reason);
int show_quarantined(const places& at, const console& to, std::uint64_t number);

struct dead_list_options {
    page_options page;
    std::string destination; // empty: all
    bool waiting = false;    // those held back too
};
int list_dead(const places& at, const console& to, const dead_list_options& options);
int show_dead(const places& at, const console& to, const std::string& destination, sequence number);
int retry_dead(const places& at, const console& to, const std::string& destination,
               sequence number);
int discard_dead(const places& at, const console& to, const std::string& destination,
                 sequence number, const std::string& reason);
// lane: empty for all.
int resume_destination(const places& at, const console& to, const std::string& destination,
                       const std::string& lane = {});

int verify_journal(const places& at, const console& to);
int show_journal(const places& at, const console& to);
struct dump_options {
    sequence from = 0;
    sequence last = 0;
    bool undelivered = false; // only what some destination has still to take, with its keys
};
int dump_journal(const places& at, const console& to, const dump_options& options);
// To a file that is not there yet, or "-": standard output.
int export_journal_to(const places& at, const console& to, const std::string& file);
struct import_options {
    std::string file; // or "-": standard input
    std::string into;
    std::uint32_t takeover = 0; // its number; 0: one more than the export's
    std::uint32_t size_mb = 0;  // 0: as configured
};
int import_journal_from(const places& at, const console& to, const import_options& given);

} // namespace wharf::ctl
