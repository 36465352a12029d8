#include "firmware/ctl/device_words.hpp"

namespace wharf::ctl {

namespace {

constexpr const char* k_device_more = R"(
Examples:
  wharfctl device add scanner-07 --generate      a device, its password shown once
  wharfctl device add wms --publish 'wharf/1/{site}/+/#' --subscribe 'wharf/1/{site}/#'
  wharfctl device add reader-3 --no-password --certificate reader-3.ber1.example
  wharfctl device disable scanner-07             it was lost: its connections end now
  wharfctl device list
  wharfctl --fleet fleet.toml --on 'site=BER*' device add scanner-07 --generate
                                                 on many gateways, its password sealed to each

In a filter {user} stands for the device's name, {client} for its MQTT client identifier and {site}
for the gateway's site. Without --publish and --subscribe a device may use what [access] in the
configuration says: under its own name only, wharf/1/{site}/{user}/#.

Each verb changes the identities file and tells the running daemon, which ends the connections of
whoever is changed or removed. What a device may do is explained in docs/access.md.
)";

constexpr const char* k_passwd_more = R"(
The password is asked for twice and not shown, or is the first line of standard input where that is
no terminal:

  wharfctl passwd scanner-07
  wharfctl passwd scanner-07 --generate
  wharfctl passwd scanner-07 --password-file scanner-07.password
  pass show scanner-07 | wharfctl passwd scanner-07

It is never taken from the command line, which every process of the machine can read. Only a salted
hash of it (Argon2id) is kept.
)";

constexpr std::uint32_t k_listed_max = 1000;

void add_name(CLI::App& to, device_options& given) {
    to.add_option("name", given.name, "Its name, which is the MQTT user name")
        ->required()
        ->type_name("NAME");
}

void add_list(CLI::App& to, const char* option, std::vector<std::string>& into, const char* what,
              const char* type) {
    to.add_option(option, into, what)->type_name(type)->allow_extra_args(false);
}

void add_secret(CLI::App& to, device_options& given) {
    auto* generate = to.add_flag("--generate", given.generate,
                                 "Make a password of 130 random bits and show it once");
    to.add_option("--password-file", given.password_file,
                  "Its first line is the password; for the file's owner alone")
        ->type_name("FILE")
        ->excludes(generate);
}

template <class Fill> fleet_form ordered(Fill fill, answer_printer print = {}) {
    return {[fill] {
                wharf::v1::Command out;
                fill(out);
                return result<wharf::v1::Command>(std::move(out));
            },
            std::move(print)};
}

// What takes a password is more than a form: here, or for each gateway.
template <class Here>
void choose_put(CLI::App& of, fleet_arguments& fleet, device_options& given, verb& chosen,
                fleet_form& form, bool only_password, Here here) {
    of.callback([&fleet, &given, &chosen, &form, only_password, here] {
        form = {};
        fleet.verb = true;
        chosen = [&fleet, &given, only_password, here](auto& at, auto& to) {
            if (fleet.how.config_file.empty()) return here(at, to, given);
            return put_device(at, fleet.how, to, given, only_password);
        };
    });
}

void add_list_verb(CLI::App& device, device_options& given, verb& chosen, fleet_form& form) {
    auto* list = device.add_subcommand("list", "All of them, and what they may do");
    list->add_option("--after", given.after, "With --fleet: those whose names come later")
        ->type_name("NAME");
    list->callback([&] {
        chosen = list_devices;
        form = ordered(
            [&given](auto& out) {
                out.mutable_device_list()->set_after(given.after);
                out.mutable_device_list()->set_count_max(k_listed_max);
            },
            rows_of({{"name", "/name"},
                     {"enabled", "/enabled"},
                     {"password", "/password"},
                     {"certificates", "/certificates"},
                     {"may publish", "/publish"},
                     {"may subscribe to", "/subscribe"}},
                    "Nobody may sign in."));
    });
}

void add_add(CLI::App& device, fleet_arguments& fleet, device_options& given, verb& chosen,
             fleet_form& form) {
    auto* add = device.add_subcommand("add", "Let one in");
    add->footer(k_device_more);
    add_name(*add, given);
    add_secret(*add, given);
    add->add_flag("--no-password", given.no_password, "It signs in by its certificate alone")
        ->excludes("--generate")
        ->excludes("--password-file");
    add_list(*add, "--certificate", given.certificates,
             "A name (CN or SAN) of its client certificate; may be repeated", "NAME");
    add->add_flag("--both", given.both, "It needs its password and its certificate");
    add_list(*add, "--publish", given.publish, "It may publish here; may be repeated", "FILTER");
    add_list(*add, "--subscribe", given.subscribe, "It may subscribe here; may be repeated",
             "FILTER");
    add_list(*add, "--client", given.clients,
             "A client identifier it may use, * for any text; may be repeated", "PATTERN");
    choose_put(*add, fleet, given, chosen, form, false, add_device);
}

} // namespace

void add_devices(CLI::App& app, fleet_arguments& fleet, device_options& given,
                 std::string& identities_file, verb& chosen, fleet_form& form) {
    auto place = [&](CLI::App* of) {
        of->add_option("--identities", identities_file,
                       "The identities file, where it is not the configuration's")
            ->type_name("FILE");
    };
    auto* passwd = app.add_subcommand("passwd", "Give an identity a new password");
    passwd->footer(k_passwd_more);
    add_name(*passwd, given);
    place(passwd);
    add_secret(*passwd, given);
    choose_put(*passwd, fleet, given, chosen, form, true, set_password);

    auto* device = app.add_subcommand("device", "Who may sign in: devices, the WMS, people");
    device->footer(k_device_more);
    device->require_subcommand(1);
    add_list_verb(*device, given, chosen, form);
    add_add(*device, fleet, given, chosen, form);
    place(device->get_subcommand("list"));
    place(device->get_subcommand("add"));
    auto* remove = device->add_subcommand("remove", "Let one in no more, and forget it");
    add_name(*remove, given);
    remove->callback([&] {
        chosen = [&given](auto& at, auto& to) { return remove_device(at, to, given.name); };
        form = ordered([&given](auto& out) { out.mutable_device_remove()->set_name(given.name); });
    });
    for (const bool enabled : {true, false}) {
        auto* one = device->add_subcommand(enabled ? "enable" : "disable",
                                           enabled ? "Let one in again"
                                                   : "Let one in no more, and keep its entry");
        add_name(*one, given);
        place(one);
        one->callback([&given, &chosen, &form, enabled] {
            chosen = [&given, enabled](auto& at, auto& to) {
                return enable_device(at, to, given.name, enabled);
            };
            form = ordered([&given, enabled](auto& out) {
                if (enabled)
                    out.mutable_device_enable()->set_name(given.name);
                else
                    out.mutable_device_disable()->set_name(given.name);
            });
        });
    }
    device->add_subcommand("reload", "Have the daemon read the file again, after a change by hand")
        ->callback([&] {
            chosen = reload_devices;
            form = {};
        });
}

} // namespace wharf::ctl
