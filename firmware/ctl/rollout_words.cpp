#include "firmware/ctl/rollout_words.hpp"

#include "firmware/ctl/fleet_select.hpp"
#include "firmware/ctl/rollout_plan.hpp"
#include "gateway/base/limits.hpp"

namespace wharf::ctl {

namespace {

constexpr const char* k_more = R"(
Examples:
  wharfctl --fleet fleet.toml --on tag=test rollout night.toml
  wharfctl --fleet fleet.toml --on tag=production rollout night.toml --dry-run
  wharfctl --fleet fleet.toml --on tag=production rollout night.toml --waves 1,5,25%,100% --gate-s 300
  wharfctl --fleet fleet.toml --on tag=production rollout --from tag=test
                                       what the test gateways run, confirmed and healthy
  wharfctl --fleet fleet.toml --on tag=production rollout --back
                                       to the version that each held before
  wharfctl --fleet fleet.toml --on configuration=9f86d081 rollout --back

Each wave is put on trial, seen again, watched for --gate-s and confirmed; where more gateways are
worse than before than --failures-max, all of the wave go back, and it ends. Those that run FILE
already are left alone: the same command goes on where it ended, after --waves-max or Ctrl-C, which
brings the present wave to its end first. A tool that is killed confirms nothing: its wave goes back
by itself.

Exit codes: 0 done, or as far as --waves-max; 1 a gateway failed, or could not be asked, or it was
cut off; 2 the command line makes no sense; 3 it could not be begun, or the broker was lost.
)";

void add_how(CLI::App& to, rollout_arguments& given) {
    to.add_option("--waves", given.waves,
                  "How far each wave goes, in gateways or percent of all that fit (1,10%,100%)")
        ->type_name("LIST")
        ->check([](const std::string& text) {
            const auto good = parse_waves(text);
            return good.ok() ? std::string() : good.failure().message;
        });
    to.add_option("--waves-max", given.waves_max, "Only so many waves now (all)")
        ->type_name("COUNT")
        ->check(CLI::Range(std::size_t{1}, limits::k_waves_max));
    to.add_option("--gate-s", given.gate_s, "So long a wave is watched before it is confirmed (60)")
        ->type_name("S")
        ->check(CLI::Range(1U, limits::k_gate_s_max));
    to.add_option("--confirm-within", given.confirm_within_s,
                  "So long it is on trial (--gate-s and four times --timeout, at least 120)")
        ->type_name("S")
        ->check(CLI::Range(limits::k_confirm_s_min, limits::k_confirm_s_max));
    to.add_option("--failures-max", given.failures_max,
                  "So many gateways may fail, and go back, before it ends (0)")
        ->type_name("COUNT");
    to.add_flag("--dry-run", given.dry_run,
                "Only say the waves, and ask each gateway whether it would take FILE");
}

} // namespace

void add_rollout(CLI::App& app, fleet_arguments& fleet, rollout_arguments& given, verb& chosen,
                 fleet_form& form) {
    auto* rollout =
        app.add_subcommand("rollout", "Bring a configuration to many gateways, in waves");
    rollout->footer(k_more);
    auto* file =
        rollout->add_option("file", given.file, "What the fleet wants, in TOML")->type_name("FILE");
    auto* from = rollout
                     ->add_option("--from", given.from,
                                  "In place of FILE: what all of these run, confirmed and healthy")
                     ->type_name("SELECTOR")
                     ->allow_extra_args(false)
                     ->excludes(file);
    auto* back = rollout
                     ->add_flag("--back", given.back,
                                "In place of FILE: to the version that each held before")
                     ->excludes(file)
                     ->excludes(from);
    add_how(*rollout, given);
    rollout->callback([&fleet, &given, &chosen, &form, file, from, back] {
        if (file->count() + from->count() + back->count() == 0)
            throw CLI::ValidationError("rollout", "expected FILE, --from or --back");
        form = {};
        fleet.verb = true;
        chosen = [&fleet, &given](const places& at, const console& to) {
            if (fleet.how.config_file.empty()) return only_over_the_fleet(at, to);
            return roll_out(fleet.how, at.json, to, given);
        };
    });
}

} // namespace wharf::ctl
