#include "firmware/ctl/verbs.hpp"

#include "firmware/ctl/table.hpp"
#include "firmware/ctl/words.hpp"
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

struct destination_place {
    std::uint8_t number = 0;
    std::string name;
};

struct found_dead {
    destination_place destination;
    v1::ParkedUpdate update;
};

result<std::vector<destination_place>> destinations(store& journal, const std::string& only) {
    WHARF_TRY_ASSIGN(auto state, read_state(journal));
    std::vector<destination_place> out;
    for (int i = 0; i < state.destinations_size(); ++i)
        if (const auto& name = state.destinations(i).name();
            !name.empty() && (only.empty() || name == only))
            out.push_back({static_cast<std::uint8_t>(i), name});
    if (out.empty() && !only.empty())
        return error{errc::not_found, "the journal knows no destination " + only};
    return out;
}

// Where this update is parked; only dead ones, unless others are wanted too.
result<std::vector<found_dead>> find_dead(store& journal, const std::string& only,
                                          sequence number) {
    WHARF_TRY_ASSIGN(auto places_there, destinations(journal, only));
    std::vector<found_dead> out;
    for (auto& each : places_there) {
        WHARF_TRY_ASSIGN(auto parked, journal_view(journal).parked(each.number, number));
        if (parked) out.push_back({std::move(each), std::move(*parked)});
    }
    if (out.empty())
        return error{errc::not_found, "update " + std::to_string(number) +
                                          " is not parked (see: wharfctl dead list)"};
    return out;
}

// In the order of their numbers, whatever their destination. At most count_max, but all of the last
// number, so that the next page goes on behind it.
result<std::vector<std::pair<sequence, found_dead>>>
list_parked_everywhere(store& journal, const dead_list_options& options) {
    WHARF_TRY_ASSIGN(auto where, destinations(journal, options.destination));
    std::vector<std::pair<sequence, found_dead>> out;
    for (const auto& each : where) {
        sequence after = options.page.after;
        std::size_t taken = 0;
        for (bool more = true; more && taken < options.page.count_max;) {
            WHARF_TRY_ASSIGN(auto page, list_parked(journal, each.number, after, k_parked_page));
            more = page.size() == k_parked_page;
            for (auto& entry : page) {
                after = entry.number;
                if (taken == options.page.count_max) break;
                if (!options.waiting && entry.update.state() != v1::PARKED_STATE_DEAD) continue;
                out.emplace_back(entry.number, found_dead{each, std::move(entry.update)});
                ++taken;
            }
        }
    }
    std::stable_sort(out.begin(), out.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::size_t keep = std::min<std::size_t>(options.page.count_max, out.size());
    while (keep > 0 && keep < out.size() && out[keep].first == out[keep - 1].first)
        ++keep;
    out.erase(out.begin() + static_cast<std::ptrdiff_t>(keep), out.end());
    return out;
}

std::string_view state_text(v1::ParkedState state) {
    switch (state) {
    case v1::PARKED_STATE_DEAD:
        return "dead";
    case v1::PARKED_STATE_WAITING:
        return "waiting";
    case v1::PARKED_STATE_RETRY:
        return "to be retried";
    default:
        return "?";
    }
}

std::string erp_words(const v1::ParkedUpdate& update) {
    if (update.code().empty()) return printable(update.message());
    if (update.message().empty()) return printable(update.code());
    return printable(update.message()) + " (" + printable(update.code()) + ")";
}

json event_json(const stored_record& record) {
    std::string event;
    message_to_json(record.event, event);
    return json::parse(event, nullptr, false);
}

json parked_json(const destination_place& destination, sequence number,
                 const v1::ParkedUpdate& update, const result<stored_record>& record) {
    json out = {{"number", number},
                {"destination", destination.name},
                {"state", state_text(update.state())},
                {"code", update.code()},
                {"message", update.message()},
                {"attempts", update.attempts()},
                {"revision", update.revision()},
                {"blocks", update.blocks()}};
    if (record.ok()) {
        out["what"] = words_of(record->event.event()).what;
        out["stored"] = event_json(*record);
    } else {
        out["error"] = record.failure().message;
    }
    return out;
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
    auto listed = list_parked_everywhere(**journal, options);
    if (!listed.ok()) return failed(to, listed.failure());
    json all = json::array();
    table rows({"number", "destination", "state", "device", "what happened", "why"});
    for (const auto& [number, dead] : *listed) {
        auto record = journal_view(**journal).event(number);
        all.push_back(parked_json(dead.destination, number, dead.update, record));
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
            all.push_back(parked_json(each.destination, number, each.update,
                                      journal_view(**journal).event(number)));
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
