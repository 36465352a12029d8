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
  pass show scanner-07 | wharfctl passwd scanner-07

It is never taken from the command line, which every process of the machine can read. Only a salted
hash of it (Argon2id) is kept.
)";

void add_name(CLI::App& to, device_options& given) {
    to.add_option("name", given.name, "Its name, which is the MQTT user name")
        ->required()
        ->type_name("NAME");
}

void add_list(CLI::App& to, const char* option, std::vector<std::string>& into, const char* what,
              const char* type) {
    to.add_option(option, into, what)->type_name(type)->allow_extra_args(false);
}

} // namespace

void add_devices(CLI::App& app, device_options& given, std::string& identities_file, verb& chosen) {
    auto place = [&](CLI::App* of) {
        of->add_option("--identities", identities_file,
                       "The identities file, where it is not the configuration's")
            ->type_name("FILE");
    };
    auto* passwd = app.add_subcommand("passwd", "Give an identity a new password");
    passwd->footer(k_passwd_more);
    add_name(*passwd, given);
    place(passwd);
    passwd->add_flag("--generate", given.generate, "Make one of 130 random bits and show it once");
    passwd->callback([&] {
        chosen = [&given](auto& at, auto& to) {
            return set_password(at, to, given.name, given.generate);
        };
    });

    auto* device = app.add_subcommand("device", "Who may sign in: devices, the WMS, people");
    device->footer(k_device_more);
    device->require_subcommand(1);
    auto* list = device->add_subcommand("list", "All of them, and what they may do");
    place(list);
    list->callback([&] { chosen = list_devices; });
    auto* add = device->add_subcommand("add", "Let one in");
    add->footer(k_device_more);
    add_name(*add, given);
    place(add);
    auto* generate =
        add->add_flag("--generate", given.generate, "Make its password and show it once");
    add->add_flag("--no-password", given.no_password, "It signs in by its certificate alone")
        ->excludes(generate);
    add_list(*add, "--certificate", given.certificates,
             "A name (CN or SAN) of its client certificate; may be repeated", "NAME");
    add->add_flag("--both", given.both, "It needs its password and its certificate");
    add_list(*add, "--publish", given.publish, "It may publish here; may be repeated", "FILTER");
    add_list(*add, "--subscribe", given.subscribe, "It may subscribe here; may be repeated",
             "FILTER");
    add_list(*add, "--client", given.clients,
             "A client identifier it may use, * for any text; may be repeated", "PATTERN");
    add->callback(
        [&] { chosen = [&given](auto& at, auto& to) { return add_device(at, to, given); }; });
    auto* remove = device->add_subcommand("remove", "Let one in no more, and forget it");
    add_name(*remove, given);
    place(remove);
    remove->callback([&] {
        chosen = [&given](auto& at, auto& to) { return remove_device(at, to, given.name); };
    });
    for (const bool enabled : {true, false}) {
        auto* one = device->add_subcommand(enabled ? "enable" : "disable",
                                           enabled ? "Let one in again"
                                                   : "Let one in no more, and keep its entry");
        add_name(*one, given);
        place(one);
        one->callback([&given, &chosen, enabled] {
            chosen = [&given, enabled](auto& at, auto& to) {
                return enable_device(at, to, given.name, enabled);
            };
        });
    }
    device->add_subcommand("reload", "Have the daemon read the file again, after a change by hand")
        ->callback([&] { chosen = reload_devices; });
}

} // namespace wharf::ctl
