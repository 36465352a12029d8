#include "firmware/ctl/verbs.hpp"

#include "firmware/ctl/table.hpp"
#include "firmware/views/words.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <ostream>

namespace wharf::ctl {

namespace {

using json = nlohmann::json;

// What the daemon says, read tolerantly: a wharfctl may be older or newer than its daemon.
std::string text_at(const json& from, const char* path) {
    auto at = json::json_pointer(path);
    if (!from.contains(at)) return "-";
    const auto& value = from[at];
    if (value.is_string()) return printable(value.get<std::string>());
    return value.is_null() ? "-" : value.dump();
}
double number_at(const json& from, const char* path, double otherwise) {
    auto at = json::json_pointer(path);
    return from.contains(at) && from[at].is_number() ? from[at].get<double>() : otherwise;
}
std::string duration_at(const json& from, const char* path) {
    auto value = number_at(from, path, -1);
    return value < 0 ? "-" : duration_text(value);
}

// Lanes whose target is missed, and what has come in late since the start.
void print_target(const json& lane, const char* name, std::ostream& out) {
    if (!lane.contains("target") || !lane["target"].is_object()) return;
    const auto& target = lane["target"];
    const auto state = text_at(target, "/state");
    out << "  target of " << name << ": within " << duration_at(target, "/within_s") << ", "
        << text_at(target, "/late") << " late of " << text_at(target, "/due")
        << (state == "kept"      ? ""
            : state == "burning" ? ", missed"
                                 : ", badly missed")
        << "\n";
}

void print_destinations(const json& status, std::ostream& out) {
    if (!status.contains("destinations") || !status["destinations"].is_array()) return;
    for (const auto& each : status["destinations"]) {
        out << "\nDestination " << text_at(each, "/name") << ": circuit "
            << text_at(each, "/circuit") << ", " << text_at(each, "/applied") << " applied, "
            << text_at(each, "/pending") << " pending, " << text_at(each, "/dead") << " dead, "
            << text_at(each, "/retries") << " retries\n";
        if (text_at(each, "/paused") == "true") out << "  paused by an operator\n";
        if (each.contains("paused_lanes") && each["paused_lanes"].is_array())
            for (const auto& name : each["paused_lanes"])
                if (name.is_string())
                    out << "  lane " << printable(name.get<std::string>())
                        << " paused by an operator\n";
        if (const auto rate = text_at(each, "/rate_limit/requests_per_s"); rate != "-")
            out << "  at most " << rate << " requests a second for "
                << duration_at(each, "/rate_limit/for_s") << "\n";
        auto success = duration_at(each, "/last_success_age_s");
        out << "  last success " << (success == "-" ? "not yet" : success + " ago") << "\n";
        if (auto last = text_at(each, "/last_error"); !last.empty() && last != "-")
            out << "  last error   " << last << "\n";
        table lanes({"  lane", "pending", "oldest has waited"});
        if (each.contains("lanes") && each["lanes"].is_object())
            for (const char* name : {"shipment", "inventory", "count", "telemetry"})
                if (each["lanes"].contains(name))
                    lanes.add({"  " + std::string(name), text_at(each["lanes"][name], "/pending"),
                               duration_at(each["lanes"][name], "/oldest_waiting_s")});
        out << lanes.text();
        if (each.contains("lanes") && each["lanes"].is_object())
            for (const char* name : {"shipment", "inventory", "count", "telemetry"})
                if (each["lanes"].contains(name)) print_target(each["lanes"][name], name, out);
    }
}

void print_bridges(const json& status, std::ostream& out) {
    if (!status.contains("bridges") || !status["bridges"].is_array()) return;
    for (const auto& each : status["bridges"]) {
        const bool attached = text_at(each, "/attached") == "true";
        const bool connected = text_at(each, "/connected") == "true";
        const auto since = duration_at(each, "/since_s");
        out << "Bridge " << text_at(each, "/bridge") << "/" << text_at(each, "/broker") << ": "
            << (!attached    ? "away"
                : !connected ? "here, its broker is not"
                             : "connected to its broker")
            << (since == "-" ? "" : " for " + since) << ", " << text_at(each, "/messages")
            << " messages, " << text_at(each, "/accepted") << " events accepted, "
            << text_at(each, "/duplicate") << " duplicates, " << text_at(each, "/quarantined")
            << " quarantined\n";
        if (auto last = text_at(each, "/last_error"); !last.empty() && last != "-")
            out << "  last error   " << last << "\n";
    }
}

void print_silent(const json& status, std::ostream& out) {
    const auto at = json::json_pointer("/devices/silent");
    if (!status.contains(at) || !status[at].is_array() || status[at].empty()) return;
    constexpr std::size_t k_shown_max = 20;
    out << "Silent for too long:\n";
    std::size_t shown = 0;
    for (const auto& each : status[at]) {
        if (shown++ == k_shown_max) {
            out << "  ... and " << status[at].size() - k_shown_max << " more (--json)\n";
            return;
        }
        out << "  " << text_at(each, "/device") << " (" << text_at(each, "/profile") << "): "
            << (text_at(each, "/never_heard") == "true" ? "not heard since the start, " : "")
            << duration_at(each, "/silent_s") << "\n";
    }
}

void print_machine(const json& status, std::ostream& out) {
    const auto free = number_at(status, "/machine/disk/free_bytes", -1);
    if (free >= 0) out << "Disk: " << bytes_text(static_cast<std::uint64_t>(free)) << " free\n";
    const auto hot = json::json_pointer("/machine/temperatures");
    if (status.contains(hot) && status[hot].is_array())
        for (const auto& each : status[hot])
            out << "Temperature: " << text_at(each, "/type") << " " << text_at(each, "/celsius")
                << " C\n";
    const auto flash = json::json_pointer("/machine/flash");
    if (status.contains(flash) && status[flash].is_array())
        for (const auto& each : status[flash])
            out << "Flash: " << text_at(each, "/device") << ", up to "
                << text_at(each, "/worn_percent") << " % of its life used\n";
}

void print_status(const json& status, std::ostream& out) {
    out << text_at(status, "/gateway") << " at " << text_at(status, "/site") << ", version "
        << text_at(status, "/version") << ", up for " << duration_at(status, "/uptime_s") << ": "
        << text_at(status, "/status") << "\n";
    if (status.contains("reasons") && status["reasons"].is_array())
        for (const auto& reason : status["reasons"])
            if (reason.is_string()) out << "  - " << printable(reason.get<std::string>()) << "\n";
    if (auto epoch = text_at(status, "/epoch"); epoch != "-")
        out << "\nEvents are named under epoch " << epoch << ", "
            << (text_at(status, "/takeover") == "0"
                    ? std::string("of no takeover\n")
                    : "of takeover " + text_at(status, "/takeover") + "\n");
    out << "\nListener: " << text_at(status, "/listener/connections") << " connections, "
        << text_at(status, "/listener/sessions") << " sessions\n";
    auto used = number_at(status, "/journal/bytes_used", 0);
    auto most = number_at(status, "/journal/bytes_max", 0);
    auto hours = number_at(status, "/journal/hours_left", -1);
    out << "Journal: " << text_at(status, "/journal/events_stored") << " events, "
        << bytes_text(static_cast<std::uint64_t>(used)) << " of "
        << bytes_text(static_cast<std::uint64_t>(most)) << ", "
        << (hours < 0 ? "not filling up"
                      : "full in " + duration_text(hours * 3600) + " at the present rate")
        << "\n";
    print_machine(status, out);
    print_bridges(status, out);
    print_silent(status, out);
    out << "Quarantine: " << text_at(status, "/quarantine") << " messages\n";
    print_destinations(status, out);
}

} // namespace

int show_status(const places& at, const console& to) {
    auto asked = ask_daemon(at, "GET", "/v1/status");
    if (!asked.ok()) return failed(to, asked.failure());
    auto status = json::parse(*asked, nullptr, false);
    if (!status.is_object()) return failed(to, {errc::invalid, "wharfd's answer is not JSON"});
    if (at.json)
        to.out << *asked;
    else
        print_status(status, to.out);
    return text_at(status, "/status") == "failing" ? k_exit_finding : k_exit_good;
}

} // namespace wharf::ctl
