#include "firmware/ctl/verbs.hpp"

#include "firmware/ctl/table.hpp"
#include "firmware/views/words.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/codec/json_codec.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/view.hpp"
#include "gateway/observe/books.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ostream>

namespace wharf::ctl {

namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t k_dump_page = 256;

std::string dumped(const json& of) {
    return of.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

void print_record(const stored_record& record, bool as_json, std::ostream& out) {
    if (!as_json) {
        out << record.head.number << "  " << time_text(record.event.received_at_us()) << "  "
            << to_string(record.head.in_lane) << "  " << printable(record.event.device()) << "  "
            << words_of(record.event.event()).what << "\n";
        return;
    }
    std::string stored;
    message_to_json(record.event, stored);
    out << "{\"number\":" << record.head.number << ",\"lane\":\"" << to_string(record.head.in_lane)
        << "\",\"flags\":" << record.head.flags << ",\"stored\":" << stored << "}\n";
}

// What is nowhere but here: updates that a destination has still to take, its dead letters among
// them. Without any destination that is every event.
std::uint64_t undelivered(const observe::books& books) {
    if (books.destinations.empty()) return books.intake.accepted;
    std::uint64_t count = 0;
    for (const auto& each : books.destinations)
        count += each.pending + each.dead;
    return count;
}

std::uint64_t quarantined(const std::vector<kind_total>& kinds) {
    for (const auto& each : kinds)
        if (each.kind == format::kind_of(format::quarantine_key(0))) return each.records;
    return 0;
}

} // namespace

int verify_journal(const places& at, const console& to) {
    auto journal = open_journal(at, to);
    if (!journal.ok()) return failed(to, journal.failure());
    auto checked = verify(**journal, [&](std::uint64_t records) {
        if (!at.json) to.err << "\r" << records << " records checked ..." << std::flush;
    });
    if (!at.json) to.err << "\r" << std::string(40, ' ') << "\r" << std::flush;
    if (!checked.ok()) return failed(to, checked.failure());
    bool good = checked->findings_total == 0;
    if (at.json) {
        json findings = json::array();
        for (const auto& each : checked->findings)
            findings.push_back({{"where", each.where}, {"what", each.what}});
        to.out << dumped({{"good", good},
                          {"records", checked->records},
                          {"events", checked->events},
                          {"quarantined", checked->quarantined},
                          {"parked", checked->parked},
                          {"identities", checked->identities},
                          {"totals_compared", !checked->moved},
                          {"findings_total", checked->findings_total},
                          {"findings", std::move(findings)}});
        return good ? k_exit_good : k_exit_finding;
    }
    to.out << checked->records << " records: " << checked->events << " events, "
           << checked->quarantined << " quarantined, " << checked->parked << " parked, "
           << checked->identities << " identities\n";
    if (checked->moved)
        to.out
            << "The journal was written to meanwhile: totals were not compared with the books.\n";
    for (const auto& each : checked->findings)
        to.out << printable(each.where) << ": " << printable(each.what) << "\n";
    if (checked->findings_total > checked->findings.size())
        to.out << "... and " << checked->findings_total - checked->findings.size() << " more\n";
    to.out << (good ? "The journal is sound.\n" : "THE JOURNAL IS DAMAGED.\n");
    return good ? k_exit_good : k_exit_finding;
}

int show_journal(const places& at, const console& to) {
    auto journal = open_journal(at, to);
    if (!journal.ok()) return failed(to, journal.failure());
    auto header = read_header(**journal);
    if (!header.ok()) return failed(to, header.failure());
    auto state = read_state(**journal);
    if (!state.ok()) return failed(to, state.failure());
    auto usage = (*journal)->usage();
    if (!usage.ok()) return failed(to, usage.failure());
    auto kinds = totals(**journal);
    if (!kinds.ok()) return failed(to, kinds.failure());
    auto left = undelivered(observe::books_of(*state));
    auto apart = quarantined(*kinds);
    if (at.json) {
        json by_kind = json::object();
        for (const auto& each : *kinds)
            by_kind[each.kind] = {{"records", each.records}, {"bytes", each.bytes}};
        to.out << dumped({{"gateway", header->gateway()},
                          {"epoch", header->epoch()},
                          {"format_version", header->format_version()},
                          {"created_at", time_text(header->created_at_us())},
                          {"oldest_event", state->oldest_sequence()},
                          {"last_event", state->last_sequence()},
                          {"undelivered", left},
                          {"quarantined", apart},
                          {"journal_time_s", state->journal_time_us() / 1'000'000},
                          {"bytes_used", usage->bytes_used},
                          {"bytes_max", usage->bytes_max},
                          {"kinds", std::move(by_kind)}});
        return k_exit_good;
    }
    std::string epoch;
    put_big(epoch, header->epoch());
    to.out << "Journal of gateway " << printable(header->gateway()) << ", epoch " << to_hex(epoch)
           << ", format " << header->format_version() << ", made at "
           << time_text(header->created_at_us()) << "\n"
           << "Events " << state->oldest_sequence() << " to " << state->last_sequence()
           << "; open for " << duration_text(static_cast<double>(state->journal_time_us()) / 1e6)
           << " in all\n"
           << left << " updates undelivered, " << apart << " messages in quarantine\n"
           << bytes_text(usage->bytes_used) << " of " << bytes_text(usage->bytes_max)
           << " in use\n\n";
    table rows({"kind", "records", "bytes"});
    for (const auto& each : *kinds)
        rows.add({each.kind, std::to_string(each.records), bytes_text(each.bytes)});
    to.out << rows.text();
    return k_exit_good;
}

int dump_journal(const places& at, const console& to, sequence from, sequence last) {
    auto journal = open_journal(at, to);
    if (!journal.ok()) return failed(to, journal.failure());
    journal_view view(**journal);
    sequence after = from == 0 ? 0 : from - 1;
    // Each page is a short transaction of its own and goes on from a number: no page stays pinned.
    while (after < last) {
        auto page = view.heads_of_all(after, k_dump_page);
        if (!page.ok()) return failed(to, page.failure());
        for (const auto& head : page->heads) {
            if (head.number > last) return k_exit_good;
            auto record = view.event(head.number);
            if (record.ok())
                print_record(*record, at.json, to.out);
            else if (record.failure().code != errc::not_found) // retention was faster
                return failed(to, record.failure());
        }
        if (page->at_end || !to.out || page->scanned_to <= after) break;
        after = page->scanned_to;
    }
    return k_exit_good;
}

} // namespace wharf::ctl
