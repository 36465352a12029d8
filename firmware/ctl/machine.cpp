#include "firmware/ctl/machine.hpp"

#include "firmware/views/words.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/journal/export.hpp"
#include "gateway/platform/export_file.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <ostream>
#include <thread>

namespace wharf::ctl {

namespace {

using json = nlohmann::json;
using namespace wharf::v1;
using clock = std::chrono::steady_clock;

constexpr auto k_look = std::chrono::milliseconds(300);
constexpr std::uint32_t k_page = 1000;

// Nothing: not yet, or nobody answers between two runs.
std::optional<AuditEntry> end_in_trail(const places& at, const std::string& id,
                                       std::uint64_t& after) {
    Command ask;
    ask.set_version(1);
    ask.mutable_audit_list()->set_after(after);
    ask.mutable_audit_list()->set_count_max(k_page);
    const auto said = ask_daemon(at, "POST", "/v1/commands", ask.SerializeAsString());
    CommandReport report;
    if (!said.ok() || !report.ParseFromString(*said)) return std::nullopt;
    const auto all = json::parse(report.json(), nullptr, false);
    if (!all.is_array()) return std::nullopt;
    for (const auto& one : all) {
        if (!one.is_object()) continue;
        after = std::max(after, one.value("number", std::uint64_t{0}));
        AuditEntry entry;
        const auto bytes = from_hex(one.value("entry", std::string()));
        if (bytes && entry.ParseFromString(*bytes) && entry.command_id() == id &&
            entry.step() == COMMAND_STEP_DONE)
            return entry;
    }
    return std::nullopt;
}

std::string work_of(const places& at) {
    const auto said = ask_daemon(at, "GET", "/v1/status");
    if (!said.ok()) return {};
    const auto status = json::parse(*said, nullptr, false);
    return status.is_object() ? status.value("work", std::string()) : std::string();
}

} // namespace

CommandReport follow_here(const places& at, const console& to, const fleet_options& how,
                          CommandReport begun) {
    const auto said = json::parse(begun.json(), nullptr, false);
    if (!said.is_object()) return begun;
    auto after = said.value("audit_number", std::uint64_t{0});
    const auto until = clock::now() + std::chrono::seconds(how.timeout_s);
    std::string shown;
    while (clock::now() < until) {
        if (const auto entry = end_in_trail(at, begun.id(), after)) {
            begun.set_step(COMMAND_STEP_DONE);
            begun.set_code(entry->code());
            begun.set_message(entry->message());
            begun.clear_json();
            return begun;
        }
        if (const std::string work = work_of(at); !at.json && !work.empty() && work != shown) {
            shown = work;
            to.out << printable(work) << "\n" << std::flush;
        }
        std::this_thread::sleep_for(k_look);
    }
    return begun;
}

void print_progress(const CommandReport& report, std::ostream& out) {
    if (!report.message().empty()) out << printable(report.message()) << "\n" << std::flush;
}

status add_export(const std::string& file, DecommissionCommand& to) {
    WHARF_TRY_ASSIGN(auto input, export_input::open(file));
    export_reader from([&](char* into, std::size_t size) { return input.read(into, size); });
    auto header = from.header();
    if (!header.ok()) return std::move(header).failure().in(file);
    auto trailer = from.read([](std::string_view, std::string_view) { return ok(); });
    if (!trailer.ok()) return std::move(trailer).failure().in(file);
    to.set_export_header(header->SerializeAsString());
    to.set_export_trailer(trailer->SerializeAsString());
    return ok();
}

} // namespace wharf::ctl
