// Identities: who may sign in at the gateway. These verbs change the identities file and then ask
// the running daemon to read it again.
#include "firmware/ctl/device.hpp"

#include "firmware/ctl/table.hpp"
#include "firmware/views/words.hpp"
#include "gateway/access/secret.hpp"
#include "gateway/config/identities_edit.hpp"
#include "gateway/config/identities_file.hpp"
#include "gateway/platform/access/enrolment_file.hpp"
#include "gateway/platform/access/password.hpp"
#include "gateway/platform/access/password_input.hpp"

#include <nlohmann/json.hpp>

#include <ostream>

namespace wharf::ctl {

namespace {

using nlohmann::json;

result<std::string> file_of(const places& at) {
    if (!at.identities.empty()) return at.identities;
    return error{
        errc::not_found,
        "where are the identities? Name the file in the configuration ([access] identities "
        "= \"/etc/wharf/identities.toml\") or with --identities FILE"};
}

// Whoever runs: the file is what counts, and a daemon that does not run reads it when it starts.
int tell_daemon(const places& at, const console& to) {
    auto asked = ask_daemon(at, "POST", "/v1/access/reload");
    if (asked.ok()) return k_exit_good;
    if (asked.failure().code != errc::not_found) {
        to.err << "wharfctl: the file is changed, but the daemon goes on with the old one: "
               << asked.failure().message << "\n";
        return k_exit_failed;
    }
    to.err << "wharfctl: no daemon answers; it reads the file at its next start\n";
    return k_exit_good;
}

using edit_function = std::function<result<std::string>(std::string_view)>;

int change(const places& at, const console& to, const edit_function& edit,
           const std::string& done) {
    auto file = file_of(at);
    if (!file.ok()) return failed(to, file.failure());
    if (auto changed = access::change_enrolment(*file, edit); !changed.ok())
        return failed(to, changed.failure());
    if (!at.json) to.out << done << "\n";
    return tell_daemon(at, to);
}

struct new_password {
    std::string hash;
    std::string shown; // what was generated
};

result<new_password> make_password(bool generate, const std::string& name) {
    new_password out;
    std::string password;
    if (generate) {
        WHARF_TRY_ASSIGN(password, access::generated_password());
        out.shown = password;
    } else {
        WHARF_TRY_ASSIGN(password, access::read_password("New password of " + name));
    }
    auto hash = access::hash_password(password);
    access::wipe(password);
    if (!hash.ok()) return std::move(hash).failure();
    out.hash = std::move(hash).value();
    return out;
}

void show_password(const places& at, const console& to, const std::string& name,
                   const std::string& password) {
    if (at.json) {
        json out = {{"name", name}};
        if (!password.empty()) out["password"] = password;
        to.out << out.dump(2, ' ', false, json::error_handler_t::replace) << "\n";
    } else if (!password.empty()) {
        to.out << "Its password, which is shown this once: " << password << "\n";
    }
}

std::string list_text(const std::vector<std::string>& all) {
    std::string out;
    for (const auto& one : all)
        out += (out.empty() ? "" : " ") + printable(one);
    return out.empty() ? "nothing" : out;
}

std::string proof_text(const access::identity& one) {
    const bool password = !one.password.empty();
    const bool certificate = !one.certificates.empty();
    if (password && certificate)
        return one.proof == access::needs::both ? "password and certificate"
                                                : "password or certificate";
    if (password) return "password";
    return certificate ? "certificate" : "no way yet";
}

json device_json(const access::identity& one) {
    json out = {{"name", one.name},
                {"enabled", one.enabled},
                {"password", !one.password.empty()},
                {"certificates", one.certificates},
                {"needs", one.proof == access::needs::both ? "both" : "either"},
                {"clients", one.clients}};
    if (one.publish) out["publish"] = *one.publish;
    if (one.subscribe) out["subscribe"] = *one.subscribe;
    return out;
}

} // namespace

int set_password(const places& at, const console& to, const std::string& name, bool generate) {
    auto file = file_of(at);
    if (!file.ok()) return failed(to, file.failure());
    // Nobody types a password for a name that is not there.
    auto all = access::load_enrolment(*file);
    if (!all.ok()) return failed(to, all.failure());
    if ((*all)->by_name(name) == nullptr)
        return failed(to, {errc::not_found,
                           "there is no identity \"" + name + "\": wharfctl device add " + name});
    auto made = make_password(generate, name);
    if (!made.ok()) return failed(to, made.failure());
    const int code = change(
        at, to, [&](std::string_view text) { return with_password(text, name, made->hash, *file); },
        "The password of " + printable(name) +
            " is changed; whoever is connected with the old one "
            "is not any more.");
    if (code == k_exit_good) show_password(at, to, name, made->shown);
    return code;
}

int list_devices(const places& at, const console& to) {
    auto file = file_of(at);
    if (!file.ok()) return failed(to, file.failure());
    auto all = access::load_enrolment(*file);
    if (!all.ok()) return failed(to, all.failure());
    json out = json::array();
    table rows({"name", "signs in by", "enabled", "may publish", "may subscribe to"});
    for (const auto& one : (*all)->all()) {
        out.push_back(device_json(*one));
        rows.add({printable(one->name), proof_text(*one), one->enabled ? "yes" : "no",
                  one->publish ? list_text(*one->publish) : "as by default",
                  one->subscribe ? list_text(*one->subscribe) : "as by default"});
    }
    if (at.json)
        to.out << out.dump(2, ' ', false, json::error_handler_t::replace) << "\n";
    else if (rows.empty())
        to.out << "Nobody may sign in yet: wharfctl device add NAME --generate\n";
    else
        to.out << rows.text();
    return k_exit_good;
}

int add_device(const places& at, const console& to, const device_options& options) {
    auto file = file_of(at);
    if (!file.ok()) return failed(to, file.failure());
    access::identity one;
    one.name = options.name;
    if (auto wrong = access::check_identity_name(one.name); !wrong.empty())
        return failed(to, {errc::invalid, wrong});
    one.certificates = options.certificates;
    if (options.both) one.proof = access::needs::both;
    if (!options.publish.empty()) one.publish = options.publish;
    if (!options.subscribe.empty()) one.subscribe = options.subscribe;
    one.clients = options.clients;
    std::string shown;
    if (!options.no_password) {
        auto made = make_password(options.generate, one.name);
        if (!made.ok()) return failed(to, made.failure());
        one.password = std::move(made->hash);
        shown = std::move(made->shown);
    }
    const int code = change(
        at, to, [&](std::string_view text) { return with_identity(text, one, *file); },
        printable(one.name) + " may sign in by " + proof_text(one) + ".");
    if (code == k_exit_good) show_password(at, to, one.name, shown);
    return code;
}

int remove_device(const places& at, const console& to, const std::string& name) {
    auto file = file_of(at);
    if (!file.ok()) return failed(to, file.failure());
    return change(
        at, to, [&](std::string_view text) { return without_identity(text, name, *file); },
        printable(name) + " is removed; its connections end.");
}

int enable_device(const places& at, const console& to, const std::string& name, bool enabled) {
    auto file = file_of(at);
    if (!file.ok()) return failed(to, file.failure());
    return change(
        at, to, [&](std::string_view text) { return with_enabled(text, name, enabled, *file); },
        printable(name) + (enabled ? " may sign in again." : " is disabled; its connections end."));
}

int reload_devices(const places& at, const console& to) {
    auto asked = ask_daemon(at, "POST", "/v1/access/reload");
    if (!asked.ok()) return failed(to, asked.failure());
    if (!at.json) to.out << "The daemon has read the identities again.\n";
    return k_exit_good;
}

} // namespace wharf::ctl
