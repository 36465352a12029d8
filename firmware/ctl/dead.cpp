#include "firmware/ctl/verbs.hpp"

#include "firmware/ctl/table.hpp"
#include "firmware/views/dead.hpp"
#include "firmware/views/words.hpp"
#include "gateway/codec/json_codec.hpp"
#include "gateway/journal/view.hpp"
#include "gateway/platform/admin/client.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ostream>
#include <utility>
#include <vector>

namespace wharf::ctl {

namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t k_parked_page = 500;
// How many parked updates are looked at to say what one of them holds back.
constexpr std::size_t k_behind_scan_max = 20'000;

std::string erp_words(const v1::ParkedUpdate& update) {
    if (update.code().empty()) return printable(update.message());
    if (update.message().empty()) return printable(update.code());
    return printable(update.message()) + " (" + printable(update.code()) + ")";
}

bool share_a_key(const v1::ParkedUpdate& a, const v1::ParkedUpdate& b) {
    return std::any_of(a.order_keys().begin(), a.order_keys().end(), [&](auto key) {
        return std::find(b.order_keys().begin(), b.order_keys().end(), key) != b.order_keys().end();
    });
}

// How many later updates are parked that share a key with this one.
result<std::size_t> held_back(store& journal, const found_dead& dead, sequence number) {
    std::size_t count = 0;
    std::size_t seen = 0;
    sequence after = number;
    while (seen < k_behind_scan_max) {
        WHARF_TRY_ASSIGN(auto page,
                         list_parked(journal, dead.destination.number, after, k_parked_page));
        for (const auto& each : page)
            if (each.update.state() == v1::PARKED_STATE_WAITING &&
                share_a_key(dead.update, each.update))
                ++count;
        if (page.size() < k_parked_page) break;
        seen += page.size();
        after = page.back().number;
    }
    return count;
}

void line(std::ostream& out, std::string_view name, const std::string& value) {
    if (value.empty()) return;
    std::string label = "  " + std::string(name);
    label.append(label.size() < 22 ? 22 - label.size() : 1, ' ');
    out << label << value << "\n";
}

void print_event(const stored_record& record, std::ostream& out) {
    auto words = words_of(record.event.event());
    line(out, "What happened", words.what);
    line(out, "Item", words.item);
    line(out, "Document", words.document);
    line(out, "Device",
         printable(record.event.device()) + " at site " + printable(record.event.site()) +
             (words.person.empty() ? "" : ", used by " + words.person));
    line(out, "Happened at",
         words.occurred_at.empty() ? "" : words.occurred_at + " by the device's clock");
    line(out, "Received at", time_text(record.event.received_at_us()) + " by the gateway's clock");
    if ((record.head.flags & k_flag_clock_unsynchronised) != 0)
        line(out, "Note", "the gateway's clock was not synchronised then");
}

void print_dead(store& journal, const found_dead& dead, sequence number, std::ostream& out) {
    const auto& update = dead.update;
    bool is_dead = update.state() == v1::PARKED_STATE_DEAD;
    out << (is_dead ? "Dead letter " : "Parked update ") << number << " of destination "
        << dead.destination.name << " (" << state_text(update.state()) << ")\n\n";
    line(out, "Why", erp_words(update));
    auto record = journal_view(journal).event(number);
    if (record.ok())
        print_event(*record, out);
    else
        line(out, "What happened", "cannot be read: " + record.failure().message);
    line(out, "Tried",
         std::to_string(update.attempts()) + (update.attempts() == 1 ? " time" : " times"));
    if (auto state = read_state(journal); state.ok())
        line(out, "Parked for",
             duration_text(static_cast<double>(state->journal_time_us() - update.parked_at_us()) /
                           1e6) +
                 " of running time");
    if (!is_dead) return;
    auto behind = held_back(journal, dead, number);
    if (behind.ok())
        line(out, "Holds back",
             *behind == 0
                 ? "nothing"
                 : std::to_string(*behind) + " later updates of the same document or stock");
    auto name = " --destination " + dead.destination.name;
    out << "\nWhen the cause is mended in the ERP:   wharfctl dead retry " << number << name
        << "\nWhen it shall never reach the ERP:     wharfctl dead discard " << number << name
        << " --reason \"...\"\n";
}

result<std::string> only_destination(const places& at, const console& to, const std::string& named,
                                     sequence number) {
    if (!named.empty()) return named;
    WHARF_TRY_ASSIGN(auto journal, open_journal(at, to));
    WHARF_TRY_ASSIGN(auto found, find_dead(*journal, {}, number));
    if (found.size() == 1) return found.front().destination.name;
    std::string names;
    for (const auto& each : found)
        names += " " + each.destination.name;
    return error{errc::conflict, "update " + std::to_string(number) +
                                     " is parked at several destinations; say which with "
                                     "--destination:" +
                                     names};
}

int command(const places& at, const console& to, const std::string& destination, sequence number,
            const std::string& verb, std::string body, std::string_view done) {
    auto where = only_destination(at, to, destination, number);
    if (!where.ok()) return failed(to, where.failure());
    auto asked = ask_daemon(at, "POST",
                            "/v1/dead/" + admin::encoded_segment(*where) + "/" +
                                std::to_string(number) + "/" + verb,
                            std::move(body));
    if (!asked.ok()) return failed(to, asked.failure());
    if (at.json)
        to.out << *asked;
    else
        to.out << "Update " << number << " of destination " << *where << " " << done << "\n";
    return k_exit_good;
}

} // namespace

int list_dead(const places& at, const console& to, const dead_list_options& options) {
    auto journal = open_journal(at, to);
    if (!journal.ok()) return failed(to, journal.failure());
    auto listed = views::list_dead(**journal, {options.page.after, options.page.count_max,
                                               options.destination, options.waiting});
    if (!listed.ok()) return failed(to, listed.failure());
    json all = json::array();
    table rows({"number", "destination", "state", "device", "what happened", "why"});
    for (const auto& [number, dead] : *listed) {
        auto record = journal_view(**journal).event(number);
        all.push_back(dead_json(dead, number, record));
        rows.add({std::to_string(number), dead.destination.name,
                  std::string(state_text(dead.update.state())),
                  record.ok() ? printable(record->event.device()) : "?",
                  record.ok() ? words_of(record->event.event()).what : "?",
                  erp_words(dead.update)});
    }
    if (at.json)
        to.out << all.dump(2, ' ', false, json::error_handler_t::replace) << "\n";
    else if (rows.empty())
        to.out << "No dead letters" << (options.page.after == 0 ? ".\n" : " behind that number.\n");
    else
        to.out << rows.text() << "\nMore about one: wharfctl dead show NUMBER\n";
    if (!at.json && listed->size() >= options.page.count_max)
        to.out << "There may be more: --after " << listed->back().first << "\n";
    return k_exit_good;
}

int show_dead(const places& at, const console& to, const std::string& destination,
              sequence number) {
    auto journal = open_journal(at, to);
    if (!journal.ok()) return failed(to, journal.failure());
    auto found = find_dead(**journal, destination, number);
    if (!found.ok()) return failed(to, found.failure());
    json all = json::array();
    for (const auto& each : *found) {
        if (at.json)
            all.push_back(dead_json(each, number, journal_view(**journal).event(number)));
        else
            print_dead(**journal, each, number, to.out);
    }
    if (at.json) to.out << all.dump(2, ' ', false, json::error_handler_t::replace) << "\n";
    return k_exit_good;
}

int retry_dead(const places& at, const console& to, const std::string& destination,
               sequence number) {
    return command(at, to, destination, number, "retry", {}, "is tried again.");
}

int discard_dead(const places& at, const console& to, const std::string& destination,
                 sequence number, const std::string& reason) {
    json body = {{"reason", reason}};
    return command(at, to, destination, number, "discard",
                   body.dump(-1, ' ', false, json::error_handler_t::replace),
                   "is discarded and counted as such in the books.");
}

} // namespace wharf::ctl
