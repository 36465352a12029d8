#include "firmware/ctl/sight.hpp"

#include "firmware/views/trace.hpp"
#include "gateway/base/text.hpp"
#include "gateway/platform/file.hpp"
#include "gateway/platform/private_file.hpp"

#include <nlohmann/json.hpp>

#include <ostream>
#include <stdexcept>

namespace wharf::ctl {

namespace {

using json = nlohmann::ordered_json;
using wharf::v1::CommandReport;

constexpr std::uint32_t k_bundle_mode = 0600;

// Read tolerantly: a wharfctl may be older or newer than the gateway.
std::string text_of(const json& from, const char* pointer) {
    const json::json_pointer at(pointer);
    if (!from.contains(at) || from[at].is_null()) return {};
    return printable(from[at].is_string() ? from[at].get<std::string>() : from[at].dump());
}

const json& list_of(const json& from, const char* name) {
    static const json none = json::array();
    return from.is_object() && from.contains(name) && from[name].is_array() ? from[name] : none;
}

void print_stage(const json& stage, std::ostream& out) {
    out << "  " << text_of(stage, "/destination") << ": " << text_of(stage, "/state");
    const json& ends = list_of(stage, "as_one_of");
    for (std::size_t i = 0; i < ends.size(); ++i)
        out << (i == 0 ? ", as one of " : ", ") << ends[i].get<std::string>();
    if (const auto batch = text_of(stage, "/batch/id"); !batch.empty())
        out << " in batch " << batch << " since " << text_of(stage, "/batch/sealed_at");
    if (const auto message = text_of(stage, "/message"); !message.empty())
        out << ": " << text_of(stage, "/code") << ": " << message << " (since "
            << text_of(stage, "/since") << ", " << text_of(stage, "/attempts") << " attempts)";
    for (const json& one : list_of(stage, "behind"))
        out << "\n    behind " << text_of(one, "/number") << " (" << text_of(one, "/state")
            << ", lane " << text_of(one, "/lane") << ")";
    if (stage.contains("paused")) out << "\n    an operator paused it";
    out << "\n    key " << text_of(stage, "/idempotency_key") << "\n";
}

void print_event(const json& event, std::ostream& out) {
    out << "Event " << text_of(event, "/number") << ", " << text_of(event, "/event_id") << ": "
        << text_of(event, "/what") << "\n  received " << text_of(event, "/received/at") << " from "
        << text_of(event, "/received/device") << " at " << text_of(event, "/received/site");
    if (const auto bridge = text_of(event, "/received/bridge"); !bridge.empty())
        out << " through bridge " << bridge;
    if (text_of(event, "/received/clock_synchronised") == "false")
        out << ", by a clock that was not synchronised";
    out << "\n  identity: " << text_of(event, "/identity/decision");
    if (event.contains("identity"))
        for (const json& flag : list_of(event["identity"], "flags"))
            out << ", " << printable(flag.get<std::string>());
    if (const auto from = text_of(event, "/identity/released_from_quarantine"); !from.empty())
        out << ", from quarantine " << from;
    out << "; lane " << text_of(event, "/lane");
    if (const auto id = text_of(event, "/correlation_id"); !id.empty())
        out << "; correlation id " << id;
    out << "\n";
    for (const json& stage : list_of(event, "destinations"))
        print_stage(stage, out);
}

void print_found(const json& found, std::ostream& out) {
    const json& events = list_of(found, "events");
    for (const json& event : events)
        print_event(event, out);
    const auto all = text_of(found, "/found");
    if (events.empty())
        out << "Nothing found in events " << text_of(found, "/oldest_event") << " to "
            << text_of(found, "/last_event") << ".\n";
    else if (all != std::to_string(events.size()))
        out << "The newest of " << all << " (--limit).\n";
    for (const json& one : list_of(found, "quarantined"))
        out << "Quarantined message " << text_of(one, "/number")
            << " may be about it: " << text_of(one, "/reason") << ": " << text_of(one, "/detail")
            << "\n";
    out << "Not to be found here: " << text_of(found, "/not_found_here") << ".\n";
}

result<std::string> pretty(const std::string& bundle) {
    const auto parsed = json::parse(bundle, nullptr, false);
    if (!parsed.is_object()) return error{errc::invalid, "the answer is no support bundle"};
    return parsed.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

status keep(const std::string& file, const std::string& text) {
    const auto there = file_mode(file);
    if (there.ok()) return error{errc::conflict, file + " is there already: no file is replaced"};
    if (there.failure().code != errc::not_found) return there.failure();
    return replace_private_file(file, text, k_bundle_mode);
}

} // namespace

int show_trace(const places& at, const console& to, const wharf::v1::TraceCommand& asked) {
    auto journal = open_journal(at, to);
    if (!journal.ok()) return failed(to, journal.failure());
    auto found = views::trace_json(**journal, asked);
    if (!found.ok()) return failed(to, found.failure());
    if (at.json)
        to.out << found->dump(2, ' ', false, json::error_handler_t::replace) << "\n";
    else
        print_found(*found, to.out);
    return k_exit_good;
}

void print_trace(const CommandReport& report, std::ostream& out) {
    print_found(json::parse(report.json(), nullptr, false), out);
}

void print_message(const CommandReport& report, std::ostream& out) {
    out << printable(report.message()) << "\n";
}

void print_log_lines(const CommandReport& progress, std::ostream& out) {
    const auto said = json::parse(progress.json(), nullptr, false);
    if (!said.is_object()) return;
    for (const json& line : list_of(said, "lines"))
        if (line.is_string()) out << printable(line.get<std::string>()) << "\n";
    if (const auto left = text_of(said, "/left_out"); !left.empty() && left != "0")
        out << "... " << left << " lines left out\n";
    out << std::flush;
}

void print_log_end(const CommandReport& report, std::ostream& out) {
    const auto said = json::parse(report.json(), nullptr, false);
    if (!said.is_object()) return;
    out << text_of(said, "/lines") << " lines, " << text_of(said, "/left_out") << " left out";
    if (const auto least = text_of(said, "/written_from"); !least.empty())
        out << "; the gateway writes from " << least << " on (wharfctl log-level)";
    out << "\n";
}

int save_bundle(const places& at, const console& to, const std::string& file) {
    wharf::v1::Command command;
    command.set_version(1);
    command.mutable_support_bundle();
    auto answered = ask_daemon(at, "POST", "/v1/commands", command.SerializeAsString());
    if (!answered.ok()) return failed(to, answered.failure());
    CommandReport report;
    if (!report.ParseFromString(*answered))
        return failed(to, {errc::io, "wharfd's answer cannot be read"});
    if (report.code() != wharf::v1::COMMAND_CODE_OK)
        return failed(to, {errc::io, "wharfd: " + printable(report.message())});
    auto text = pretty(report.json());
    if (!text.ok()) return failed(to, text.failure());
    if (file == "-") {
        to.out << *text;
        return k_exit_good;
    }
    if (auto kept = keep(file, *text); !kept.ok()) return failed(to, kept.failure());
    to.out << file << ": " << text->size()
           << " bytes. It holds no secret, but what the gateway "
              "does and with whom.\n";
    return k_exit_good;
}

answer_printer bundle_saver(const std::string& file) {
    return [&file](const CommandReport& report, std::ostream& out) {
        auto text = pretty(report.json());
        if (!text.ok()) throw std::runtime_error(text.failure().message);
        if (file == "-") {
            out << *text;
            return;
        }
        const auto parsed = json::parse(report.json(), nullptr, false);
        std::string name = file + "." + text_of(parsed, "/status/site") + "." +
                           text_of(parsed, "/status/gateway") + ".json";
        if (name.find('/', file.size()) != name.npos)
            throw std::runtime_error("a gateway's name that is no part of a file's name");
        if (auto kept = keep(name, *text); !kept.ok())
            throw std::runtime_error(kept.failure().message);
        out << name << ": " << text->size() << " bytes\n";
    };
}

} // namespace wharf::ctl
