// Looking at a journal from outside: what wharfctl shows, and the check of every record. Works on a
// live or a copied journal in short read transactions, so that a look never keeps pages from being
// reused. Any thread.
#pragma once

#include "gateway/journal/requests.hpp"
#include "gateway/ports/store.hpp"

#include <functional>
#include <string>
#include <vector>

namespace wharf {

// errc::unsupported where the journal was written by a newer program.
result<wharf::v1::JournalHeader> read_header(store& from);
result<wharf::v1::JournalState> read_state(store& from);

// Visits the records with keys >= from, as many per transaction as limits::k_scan_* say, until the
// visitor says false.
status walk(store& in, std::string from, const store_reader::visitor& visit);

struct finding {
    std::string where;
    std::string what;
};

// What does not add up in the books themselves; nothing where they balance.
std::vector<finding> check_books(const wharf::v1::JournalState& state);

// The same of the takeovers that a header lists.
std::vector<finding> check_takeovers(const wharf::v1::JournalHeader& header,
                                     const wharf::v1::JournalState& state);

struct verification {
    std::uint64_t records = 0;
    std::uint64_t events = 0;
    std::uint64_t quarantined = 0;
    std::uint64_t parked = 0;
    std::uint64_t identities = 0;
    // The journal was written to while it was checked, so that totals were not compared.
    bool moved = false;
    std::uint64_t findings_total = 0;
    std::vector<finding> findings; // the first hundred
};

// Checks every record's checksum and shape, that events and quarantined messages are without gaps,
// that what is parked or sealed has its event and the parked set its index, and that the totals are
// those of the books. progress gets the number of records and events so far, now and
// then.
result<verification> verify(store& in, const std::function<void(std::uint64_t)>& progress = {});

struct quarantine_entry {
    std::uint64_t number = 0;
    wharf::v1::QuarantinedMessage message;
};
// With numbers > after, at most count_max.
result<std::vector<quarantine_entry>> list_quarantine(store& in, std::uint64_t after,
                                                      std::size_t count_max);
result<quarantine_entry> read_quarantine(store& in, std::uint64_t number);

struct parked_entry {
    sequence number = k_no_sequence;
    wharf::v1::ParkedUpdate update;
};
// With numbers > after, at most count_max; dead or waiting.
result<std::vector<parked_entry>> list_parked(store& in, std::uint8_t destination, sequence after,
                                              std::size_t count_max);

// How many records and bytes of each kind there are.
struct kind_total {
    std::string kind;
    std::uint64_t records = 0;
    std::uint64_t bytes = 0; // keys and values
};
result<std::vector<kind_total>> totals(store& in);

} // namespace wharf
