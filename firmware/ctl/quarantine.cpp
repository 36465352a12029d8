#include "firmware/ctl/verbs.hpp"

#include "firmware/ctl/table.hpp"
#include "firmware/views/quarantine.hpp"
#include "firmware/views/words.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/base/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ostream>

namespace wharf::ctl {

namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t k_shown_payload_bytes_max = 4096;

std::string dumped(const json& of) {
    return of.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

bool is_text(std::string_view bytes) {
    while (!bytes.empty()) {
        text_unit unit = next_unit(bytes);
        bool space = bytes.front() == '\n' || bytes.front() == '\r' || bytes.front() == '\t';
        if (!unit.shown && !space) return false;
        bytes.remove_prefix(unit.bytes);
    }
    return true;
}

// sixteen bytes a line, with their characters
std::string hex_dump(std::string_view bytes) {
    std::string out;
    for (std::size_t at = 0; at < bytes.size(); at += 16) {
        auto row = bytes.substr(at, 16);
        auto offset = std::to_string(at);
        out.append("  ").append(6 - std::min<std::size_t>(6, offset.size()), ' ');
        out.append(offset).append("  ");
        for (char c : row)
            out.append(to_hex({&c, 1})).append(" ");
        out.append(3 * (16 - row.size()) + 1, ' ');
        for (char c : row)
            out += c >= ' ' && c <= '~' ? c : '.';
        out += '\n';
    }
    return out;
}

void print_payload(std::string_view payload, std::ostream& out) {
    out << "\nThe payload, " << payload.size() << " bytes:\n";
    auto part = payload.substr(0, k_shown_payload_bytes_max);
    if (is_text(part)) {
        out << "  ";
        for (char c : part) {
            if (c != '\r') out << c;
            if (c == '\n') out << "  ";
        }
        out << "\n";
    } else {
        out << hex_dump(part);
    }
    if (part.size() < payload.size()) out << "  ... (all of it: --json)\n";
}

} // namespace

int list_quarantined(const places& at, const console& to, const page_options& page) {
    auto journal = open_journal(at, to);
    if (!journal.ok()) return failed(to, journal.failure());
    auto entries = list_quarantine(**journal, page.after, page.count_max);
    if (!entries.ok()) return failed(to, entries.failure());
    if (at.json) {
        json out = json::array();
        for (const auto& entry : *entries)
            out.push_back(quarantine_json(entry, false));
        to.out << dumped(out);
        return k_exit_good;
    }
    table rows({"number", "received at", "device", "reason", "detail"});
    for (const auto& entry : *entries)
        rows.add({std::to_string(entry.number), time_text(entry.message.received_at_us()),
                  printable(entry.message.device()), printable(entry.message.reason()),
                  printable(entry.message.detail())});
    if (rows.empty()) {
        to.out << "Nothing in quarantine" << (page.after == 0 ? ".\n" : " behind that number.\n");
        return k_exit_good;
    }
    to.out << rows.text();
    if (entries->size() == page.count_max)
        to.out << "\nThere may be more: --after " << entries->back().number << "\n";
    return k_exit_good;
}

int show_quarantined(const places& at, const console& to, std::uint64_t number) {
    auto journal = open_journal(at, to);
    if (!journal.ok()) return failed(to, journal.failure());
    auto entry = read_quarantine(**journal, number);
    if (!entry.ok())
        return failed(to, std::move(entry).failure().in("quarantine " + std::to_string(number)));
    if (at.json) {
        to.out << dumped(quarantine_json(*entry, true));
        return k_exit_good;
    }
    const auto& message = entry->message;
    to.out << "Quarantined message " << number << "\n\n"
           << "  Why          " << printable(message.reason()) << ": "
           << printable(message.detail()) << "\n"
           << "  Device       " << printable(message.device()) << " at site "
           << printable(message.site()) << " ("
           << (message.bridge().empty() ? "MQTT client " + printable(message.client_id())
                                        : "through bridge " + printable(message.bridge()))
           << ")\n"
           << "  Topic        " << printable(message.topic()) << "\n"
           << "  Received at  " << time_text(message.received_at_us()) << "\n"
           << "  Stands for   " << message.events()
           << (message.events() == 1 ? " event" : " events") << " of the books\n";
    if (message.has_index())
        to.out << "  Which        event number " << message.index() + 1 << " of the message\n";
    for (const auto& finding : message.more()) {
        to.out << "  And          ";
        if (finding.has_index()) to.out << "event number " << finding.index() + 1 << ": ";
        to.out << printable(finding.reason()) << ": " << printable(finding.detail()) << "\n";
    }
    if (message.contradicts() != 0)
        to.out << "  Contradicts  the accepted event " << message.contradicts()
               << " (wharfctl journal dump --from " << message.contradicts() << " --to "
               << message.contradicts() << ")\n";
    print_payload(message.payload(), to.out);
    return k_exit_good;
}

int discard_quarantined(const places& at, const console& to, std::uint64_t number,
                        const std::string& reason) {
    json body = {{"reason", reason}};
    auto asked = ask_daemon(at, "POST", "/v1/quarantine/" + std::to_string(number) + "/discard",
                            body.dump(-1, ' ', false, json::error_handler_t::replace));
    if (!asked.ok()) return failed(to, asked.failure());
    if (at.json)
        to.out << *asked;
    else
        to.out << "Message " << number << " is discarded; the books go on counting it.\n";
    return k_exit_good;
}

} // namespace wharf::ctl
