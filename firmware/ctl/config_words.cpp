#include "firmware/ctl/config_words.hpp"

#include "gateway/base/limits.hpp"

namespace wharf::ctl {

namespace {

constexpr const char* k_more = R"(
Examples:
  wharfctl --fleet fleet.toml --on gateway=dock-7 config show
  wharfctl --fleet fleet.toml --on gateway=dock-7 config diff night.toml
  wharfctl --fleet fleet.toml --on gateway=dock-7 config apply night.toml --confirm-within 120
  wharfctl --fleet fleet.toml --on gateway=dock-7 config confirm
  wharfctl --fleet fleet.toml --on 'site=BER*' config apply night.toml --auto-confirm
  wharfctl --fleet fleet.toml --on gateway=dock-7 config revert 3
  wharfctl --fleet fleet.toml config drift night.toml
  wharfctl --fleet fleet.toml --on tag=production rollout night.toml
                                       ... to many, in waves: wharfctl rollout --help
  wharfctl config show                 on the gateway itself
  wharfctl config clear                ... on a bad day: its own file alone

FILE is laid over the gateway's own file key by key. What is applied is on trial: unless it is
confirmed in time, over the fleet, the gateway goes back by itself.
)";

using over_fleet = int (*)(const fleet_options&, bool, const console&, const config_arguments&);

void choose(CLI::App& verb_app, fleet_arguments& fleet, config_arguments& given, verb& chosen,
            fleet_form& form, over_fleet what) {
    verb_app.callback([&fleet, &given, &chosen, &form, what] {
        form = {};
        fleet.verb = true;
        chosen = [&fleet, &given, what](const places& at, const console& to) {
            if (fleet.how.config_file.empty()) return only_over_the_fleet(at, to);
            return what(fleet.how, at.json, to, given);
        };
    });
}

void add_file(CLI::App& to, config_arguments& given) {
    to.add_option("file", given.file, "What the fleet wants, in TOML")
        ->required()
        ->type_name("FILE");
}

void add_version(CLI::App& to, config_arguments& given, const char* words) {
    to.add_option("version", given.version, words)->type_name("VERSION");
}

void add_trial(CLI::App& to, config_arguments& given) {
    to.add_option("--confirm-within", given.confirm_within_s,
                  "So long it is on trial, from its beginning on (120)")
        ->type_name("S")
        ->check(CLI::Range(limits::k_confirm_s_min, limits::k_confirm_s_max));
    to.add_flag("--auto-confirm", given.auto_confirm,
                "Wait for each gateway to be back with it, and confirm it");
}

void add_looks(CLI::App& config, config_arguments& given, verb& chosen, fleet_form& form) {
    auto* show = config.add_subcommand("show", "What is in effect, on trial, kept, and given up");
    add_version(*show, given, "The overlay of this version (the one in effect)");
    show->callback([&] {
        chosen = show_own_config;
        form = {[&given] { return result<wharf::v1::Command>(get_config(given)); }, print_config};
    });
    auto* get = config.add_subcommand("get", "The overlay alone, as it was applied");
    add_version(*get, given, "Of this version (the one in effect)");
    get->callback([&] {
        chosen = only_over_the_fleet;
        form = {[&given] { return result<wharf::v1::Command>(get_config(given)); }, print_overlay};
    });
}

} // namespace

void add_config(CLI::App& app, fleet_arguments& fleet, config_arguments& given, verb& chosen,
                fleet_form& form) {
    auto* config = app.add_subcommand("config", "What gateways run with, changed on trial");
    config->footer(k_more);
    config->require_subcommand(1);
    add_looks(*config, given, chosen, form);
    auto* diff = config->add_subcommand("diff", "What FILE would change, key by key");
    add_file(*diff, given);
    choose(*diff, fleet, given, chosen, form, diff_config);
    auto* validate = config->add_subcommand("validate", "Whether FILE could be applied");
    add_file(*validate, given);
    choose(*validate, fleet, given, chosen, form, validate_config);
    auto* apply = config->add_subcommand("apply", "Put FILE on trial");
    add_file(*apply, given);
    add_trial(*apply, given);
    apply->add_option("--over", given.over_version, "Only where this version is in effect")
        ->type_name("VERSION");
    choose(*apply, fleet, given, chosen, form, apply_config);
    auto* confirm = config->add_subcommand("confirm", "What is on trial holds from now on");
    add_version(*confirm, given, "This one (the one that a gateway has on trial)");
    choose(*confirm, fleet, given, chosen, form, confirm_config);
    auto* revert = config->add_subcommand(
        "revert", "Back from a trial; or an earlier version that held, or 0 for none, on trial");
    add_version(*revert, given,
                "This one (the one in effect: ends its trial, or takes note of a problem)");
    add_trial(*revert, given);
    choose(*revert, fleet, given, chosen, form, revert_config);
    auto* drift = config->add_subcommand("drift", "Which gateways do not run FILE");
    add_file(*drift, given);
    choose(*drift, fleet, given, chosen, form, find_config_drift);
    auto* clear = config->add_subcommand(
        "clear", "On this gateway: its own file alone, whatever was applied");
    clear->callback([&] {
        form = {};
        chosen = clear_own_config;
    });
}

} // namespace wharf::ctl
