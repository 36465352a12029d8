#include "firmware/ctl/verbs.hpp"

#include "firmware/ctl/table.hpp"
#include "firmware/views/words.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/codec/json_codec.hpp"
#include "gateway/journal/epochs.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/view.hpp"
#include "gateway/observe/books.hpp"
#include "sync/delivery/names.hpp"

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

// Makes the name under which the ERP knows an event.
struct namer {
    std::string gateway;
    epochs names;
    [[nodiscard]] std::string key_of(sequence number) const {
        return idempotency_key(gateway, names.of(number), {number, 0});
    }
};

void print_record(const stored_record& record, bool as_json, const namer* names,
                  std::ostream& out) {
    const sequence number = record.head.number;
    if (!as_json) {
        out << number << "  " << time_text(record.event.received_at_us()) << "  "
            << to_string(record.head.in_lane) << "  " << printable(record.event.device()) << "  "
            << words_of(record.event.event()).what
            << (names == nullptr ? std::string() : "  " + names->key_of(number)) << "\n";
        return;
    }
    std::string stored;
    message_to_json(record.event, stored);
    out << "{\"number\":" << number << ",\"lane\":\"" << to_string(record.head.in_lane)
        << "\",\"flags\":" << record.head.flags;
    if (names != nullptr) out << ",\"idempotency_key\":\"" << names->key_of(number) << "\"";
    out << ",\"stored\":" << stored << "}\n";
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

std::string epoch_text(std::uint32_t epoch) {
    std::string bytes;
    put_big(bytes, epoch);
    return to_hex(bytes);
}

json takeovers_json(const wharf::v1::JournalHeader& header) {
    json out = json::array();
    for (const auto& one : header.takeovers())
        out.push_back({{"number", one.number()},
                       {"epoch", one.epoch()},
                       {"after", one.after()},
                       {"at", time_text(one.at_us())}});
    return out;
}

std::string takeovers_text(const wharf::v1::JournalHeader& header) {
    std::string out;
    for (const auto& one : header.takeovers())
        out += "Takeover " + std::to_string(one.number()) + " at " + time_text(one.at_us()) +
               ": events after " + std::to_string(one.after()) + " under epoch " +
               epoch_text(one.epoch()) + "\n";
    return out;
}

// Which events some destination has still to take, its dead letters and what waits behind them
// among them.
class undelivered_events {
  public:
    explicit undelivered_events(store& from) : view_(from) {}

    status read(const wharf::v1::JournalState& state) {
        everything_ = state.destinations_size() == 0;
        for (int i = 0; i < state.destinations_size(); ++i) {
            const auto& books = state.destinations(i);
            if (books.pending() == 0 && books.dead() == 0) continue;
            const auto number = static_cast<std::uint8_t>(i);
            WHARF_TRY_ASSIGN(auto marks, view_.delivery(number));
            destinations_.push_back({number, std::move(marks)});
        }
        return ok();
    }
    [[nodiscard]] result<bool> has(const event_head& head) const {
        const std::size_t in_lane = index_of(head.in_lane);
        for (const destination& one : destinations_) {
            const auto& marks = one.marks.marks[in_lane];
            if (head.number > one.marks.low_water[in_lane] &&
                !std::ranges::binary_search(marks, head.number))
                return true;
            // Settled, or parked.
            WHARF_TRY_ASSIGN(const auto parked, view_.parked(one.number, head.number));
            if (parked) return true;
        }
        return everything_;
    }

  private:
    struct destination {
        std::uint8_t number;
        delivery_state marks;
    };
    journal_view view_;
    std::vector<destination> destinations_;
    bool everything_ = false; // no destination is known: it is nowhere but here
};

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
                          {"takeovers", takeovers_json(*header)},
                          {"fenced", state->fence().words()},
                          {"drained", state->has_drain()},
                          {"ended", state->has_end() ? end_words(state->end()) : ""},
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
    to.out << "Journal of gateway " << printable(header->gateway()) << ", epoch "
           << epoch_text(header->epoch()) << ", format " << header->format_version() << ", made at "
           << time_text(header->created_at_us()) << "\n"
           << takeovers_text(*header)
           << (state->has_fence() ? "FENCED since " + time_text(state->fence().at_us()) + ": " +
                                        printable(state->fence().words()) + "\n"
                                  : std::string())
           << (state->has_drain() ? "Drained since " + time_text(state->drain().at_us()) + " by " +
                                        printable(state->drain().by()) + "\n"
                                  : std::string())
           << (state->has_end() ? "ENDED at " + time_text(state->end().at_us()) + ": " +
                                      printable(end_words(state->end())) + "\n"
                                : std::string())
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

int dump_journal(const places& at, const console& to, const dump_options& options) {
    auto journal = open_journal(at, to);
    if (!journal.ok()) return failed(to, journal.failure());
    auto header = read_header(**journal);
    if (!header.ok()) return failed(to, header.failure());
    auto state = read_state(**journal);
    if (!state.ok()) return failed(to, state.failure());
    const namer names{header->gateway(), epochs_of(*header)};
    undelivered_events undelivered(**journal);
    if (auto read = undelivered.read(*state); !read.ok()) return failed(to, read.failure());
    journal_view view(**journal);
    sequence after = options.from == 0 ? 0 : options.from - 1;
    // Each page is a short transaction of its own and goes on from a number: no page stays pinned.
    while (after < options.last) {
        auto page = view.heads_of_all(after, k_dump_page);
        if (!page.ok()) return failed(to, page.failure());
        for (const auto& head : page->heads) {
            if (head.number > options.last) return k_exit_good;
            const auto wanted = options.undelivered ? undelivered.has(head) : result<bool>(true);
            if (!wanted.ok()) return failed(to, wanted.failure());
            if (!*wanted) continue;
            auto record = view.event(head.number);
            if (record.ok())
                print_record(*record, at.json, options.undelivered ? &names : nullptr, to.out);
            else if (record.failure().code != errc::not_found) // retention was faster
                return failed(to, record.failure());
        }
        if (page->at_end || !to.out || page->scanned_to <= after) break;
        after = page->scanned_to;
    }
    return k_exit_good;
}

} // namespace wharf::ctl
