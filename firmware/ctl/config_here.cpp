// The configuration of this machine's gateway, for a bad day: without the fleet, without the
// daemon.
#include "firmware/ctl/config.hpp"
#include "firmware/ctl/fleet.hpp"
#include "firmware/views/words.hpp"
#include "gateway/config/overlay.hpp"
#include "gateway/platform/configuration_files.hpp"

#include <nlohmann/json.hpp>

#include <ostream>

namespace wharf::ctl {

namespace {

using json = nlohmann::ordered_json;

std::string version_text(std::uint64_t version) {
    return version == 0 ? "its own file alone" : "version " + std::to_string(version);
}

error no_own() {
    return {errc::not_found, "which gateway? Name its configuration with --config FILE"};
}

} // namespace

config in_effect(config own, const places& at) {
    if (!own.fleet.present) return own;
    const configuration_files files(own.journal.path);
    const auto record = files.read();
    if (!record.ok()) return own;
    const bool tried = record->has_trial() && record->trial().begun();
    const auto overlay =
        files.text_of(*record, tried ? record->trial().version() : record->confirmed());
    if (!overlay.ok()) return own;
    auto laid = lay_over(at.own, at.own_name, *overlay);
    return laid.ok() ? std::move(laid->settings) : own;
}

int show_own_config(const places& at, const console& to) {
    if (at.own.empty()) return failed(to, no_own());
    const configuration_files files(at.journal);
    const auto record = files.read();
    if (!record.ok()) return failed(to, record.failure());
    // As the next run would find it: a trial that has begun has no second one.
    const auto plan = manage::plan_run(*record, {});
    const auto overlay = files.text_of(*record, record->confirmed());
    const auto effective = overlay.ok() ? lay_over(at.own, at.own_name, *overlay)
                                        : result<effective_config>(overlay.failure());
    const std::string problem = !effective.ok() ? effective.failure().message : record->problem();
    if (at.json) {
        json out = {{"confirmed", record->confirmed()},
                    {"on_trial", record->has_trial() ? record->trial().version() : 0},
                    {"problem", problem},
                    {"folder", files.folder()},
                    {"overlay", overlay.ok() ? *overlay : ""},
                    {"effective", effective.ok() ? effective->text : ""}};
        to.out << out.dump(2, ' ', false, json::error_handler_t::replace) << "\n";
        return problem.empty() ? k_exit_good : k_exit_finding;
    }
    to.out << "confirmed: " << version_text(record->confirmed()) << "\n";
    if (record->has_trial())
        to.out << "on trial:  " << version_text(record->trial().version())
               << (plan.on_trial ? ", when the gateway begins anew\n" : ", in this run alone\n");
    if (!problem.empty()) to.out << "problem:   " << problem << "\n";
    to.out << "kept in:   " << files.folder() << "\n";
    if (effective.ok()) to.out << "\n" << effective->text;
    return problem.empty() ? k_exit_good : k_exit_finding;
}

int clear_own_config(const places& at, const console& to) {
    if (auto daemon = ask_daemon(at, "GET", "/v1/status"); daemon.ok()) {
        wharf::v1::Command order;
        order.mutable_configuration_clear();
        return order_here(at, {}, to, std::move(order), [](const auto&, std::ostream& out) {
            out << "The gateway begins anew with its own file.\n";
        });
    } else if (daemon.failure().code != errc::not_found) {
        return failed(to, daemon.failure());
    }
    if (at.own.empty()) return failed(to, no_own());
    // No daemon: it finds this at its next start.
    const configuration_files files(at.journal);
    auto record = files.read();
    const bool damaged = !record.ok() && record.failure().code == errc::corrupt;
    if (!record.ok() && !damaged) return failed(to, record.failure());
    manage::configuration_record next;
    if (!damaged) next = *record;
    next.set_confirmed(0);
    next.clear_trial();
    next.clear_problem();
    if (auto written = files.write(next); !written.ok()) return failed(to, written.failure());
    to.out
        << "No daemon runs here. At its next start the gateway's own file is in effect, alone.\n";
    return k_exit_good;
}

} // namespace wharf::ctl
