#include "firmware/ctl/machine_words.hpp"

#include "firmware/ctl/machine.hpp"
#include "firmware/ctl/sight.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"

#include <algorithm>
#include <functional>

namespace wharf::ctl {

namespace {

using wharf::v1::Command;

constexpr const char* k_drain_more = R"(
Examples:
  wharfctl drain                       take nothing any more, deliver what is there
  wharfctl drain --within 3600
  wharfctl drain --end                 take events again
  wharfctl --fleet fleet.toml --on gateway=dock-7 --because "ticket 77" drain

Devices keep what is not acknowledged. It stays drained over a restart. Exit code 3: something is
left when the time is over; the gateway stays drained.
)";

constexpr const char* k_restart_more = R"(
Examples:
  wharfctl restart
  wharfctl --fleet fleet.toml --on 'site=BER*' --because "ticket 77" restart

Done when the new run takes events. A configuration on trial is gone with the run.
)";

constexpr const char* k_reboot_more = R"(
Examples:
  wharfctl reboot
  wharfctl --fleet fleet.toml --on gateway=dock-7 reboot --timeout 900

Done when the device has started again. Refused where it cannot be asked: docs/device.md.
)";

constexpr const char* k_update_more = R"(
Examples:
  wharfctl --fleet fleet.toml --on gateway=dock-7 update https://updates.example.com/wharf-2.1.img \
      --sha256 0f3a... --version 2.1
  wharfctl update /media/usb/wharf-2.1.img --sha256 0f3a... --version 2.1
  wharfctl reboot                      into it

Done when it is installed and waits for its restart.
)";

constexpr const char* k_reset_more = R"(
Examples:
  wharfctl drain && wharfctl factory-reset dock-7
  wharfctl factory-reset dock-7 --lose-undelivered

NAME is the gateway's. Everything on the device is gone: journal, keys, configuration.
)";

constexpr const char* k_decommission_more = R"(
Examples:
  wharfctl --fleet fleet.toml --on gateway=dock-7 drain
  wharfctl --fleet fleet.toml --on gateway=dock-7 --because "site closed" decommission dock-7
  wharfctl decommission dock-7 --exported old.export
                                       what is left is in the export: docs/runbooks

NAME is the gateway's. For good: it takes and delivers nothing any more, its operators are removed,
its key is destroyed, and wharfctl never believes that key again.
)";

// Such an order is not over with the daemon's run.
template <class Fill>
void order_long(CLI::App& to, fleet_arguments& given, verb& chosen, fleet_form& form,
                std::function<std::uint32_t()> least_s, Fill fill) {
    to.callback([&given, &chosen, &form, least_s = std::move(least_s), fill] {
        given.how.timeout_s = std::max(given.how.timeout_s, least_s());
        given.how.progress = print_progress;
        given.how.follow = follow_here;
        chosen = here_or_over_the_fleet(given, form);
        form = {[fill]() -> result<Command> {
                    Command out;
                    WHARF_TRY(fill(out));
                    return out;
                },
                print_message};
    });
}

std::function<std::uint32_t()> seconds(std::uint32_t count) {
    return [count] { return count; };
}

void add_name(CLI::App& to, machine_arguments& machine) {
    to.add_option("name", machine.name, "The gateway's name, typed out")
        ->required()
        ->type_name("NAME");
}

void add_process(CLI::App& app, fleet_arguments& given, machine_arguments& machine, verb& chosen,
                 fleet_form& form) {
    constexpr std::uint32_t k_grace_s = 30;
    constexpr std::uint32_t k_restart_s = 120;
    auto* drain = app.add_subcommand(
        "drain", "Take nothing any more, deliver what is there; also after a restart");
    drain->footer(k_drain_more);
    drain->add_flag("--end", machine.end, "Take events again");
    drain->add_option("--within", machine.within_s, "Wait so long for it to be empty (600)")
        ->type_name("S")
        ->check(CLI::Range(std::uint32_t{1}, limits::k_drain_s_max));
    order_long(
        *drain, given, chosen, form,
        [&machine] { return machine.end ? k_restart_s : machine.within_s + k_grace_s; },
        [&machine](Command& out) -> status {
            out.mutable_drain()->set_end(machine.end);
            out.mutable_drain()->set_within_s(machine.end ? 0 : machine.within_s);
            return ok();
        });
    auto* restart = app.add_subcommand("restart", "Begin a new run of the gateway, in order");
    restart->footer(k_restart_more);
    order_long(*restart, given, chosen, form, seconds(k_restart_s), [](Command& out) -> status {
        out.mutable_restart();
        return ok();
    });
}

void add_device(CLI::App& app, fleet_arguments& given, machine_arguments& machine, verb& chosen,
                fleet_form& form) {
    auto* reboot = app.add_subcommand("reboot", "Start the device anew");
    reboot->footer(k_reboot_more);
    order_long(*reboot, given, chosen, form, seconds(limits::k_device_reboot_wait_s),
               [](Command& out) -> status {
                   out.mutable_reboot();
                   return ok();
               });
    auto* update = app.add_subcommand("update", "Install another version of the device's software");
    update->footer(k_update_more);
    update
        ->add_option_function<std::string>(
            "source", [&machine](const std::string& text) { machine.update.set_source(text); },
            "https://..., or a file on the device")
        ->required()
        ->type_name("SOURCE");
    update->add_option("--sha256", machine.sha256, "Of what is installed")
        ->required()
        ->type_name("HEX");
    update
        ->add_option_function<std::string>(
            "--version", [&machine](const std::string& text) { machine.update.set_version(text); },
            "What it is")
        ->required()
        ->type_name("VERSION");
    order_long(*update, given, chosen, form, seconds(limits::k_device_update_s_max),
               [&machine](Command& out) -> status {
                   const auto digest = from_hex(machine.sha256);
                   if (!digest) return error{errc::invalid, "--sha256: expected 64 digits"};
                   *out.mutable_update() = machine.update;
                   out.mutable_update()->set_sha256(*digest);
                   return ok();
               });
}

void add_ends(CLI::App& app, fleet_arguments& given, machine_arguments& machine, verb& chosen,
              fleet_form& form) {
    constexpr std::uint32_t k_end_s = 60;
    auto* reset =
        app.add_subcommand("factory-reset", "Make the device as it left the factory, for good");
    reset->footer(k_reset_more);
    add_name(*reset, machine);
    reset->add_flag("--lose-undelivered", machine.lose,
                    "Also where updates, dead letters or messages in quarantine are lost");
    order_long(*reset, given, chosen, form, seconds(k_end_s), [&machine](Command& out) -> status {
        out.mutable_factory_reset()->set_name(machine.name);
        out.mutable_factory_reset()->set_lose_undelivered(machine.lose);
        return ok();
    });
    auto* decommission =
        app.add_subcommand("decommission", "End a gateway that is drained, for good");
    decommission->footer(k_decommission_more);
    add_name(*decommission, machine);
    decommission
        ->add_option("--exported", machine.exported,
                     "An export of its journal that holds what is left")
        ->type_name("FILE");
    order_long(*decommission, given, chosen, form, seconds(k_end_s),
               [&machine](Command& out) -> status {
                   out.mutable_decommission()->set_name(machine.name);
                   if (machine.exported.empty()) return ok();
                   return add_export(machine.exported, *out.mutable_decommission());
               });
}

} // namespace

void add_machine(CLI::App& app, fleet_arguments& given, machine_arguments& machine, verb& chosen,
                 fleet_form& form) {
    add_process(app, given, machine, chosen, form);
    add_device(app, given, machine, chosen, form);
    add_ends(app, given, machine, chosen, form);
}

} // namespace wharf::ctl
