// Identities: who may sign in at the gateway. These verbs change the identities file and then ask
// the running daemon to read it again.
#include "firmware/ctl/device.hpp"

#include "firmware/ctl/table.hpp"
#include "firmware/views/devices.hpp"
#include "firmware/views/words.hpp"
#include "gateway/access/secret.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/platform/access/enrolment_file.hpp"
#include "gateway/platform/access/password.hpp"
#include "gateway/platform/access/password_input.hpp"
#include "gateway/platform/private_file.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <ostream>

namespace wharf::ctl {

namespace {

using json = nlohmann::ordered_json;

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

using edit_function = std::function<status(const std::string& file)>;

int change(const places& at, const console& to, const edit_function& edit,
           const std::string& done) {
    auto file = file_of(at);
    if (!file.ok()) return failed(to, file.failure());
    if (auto changed = edit(*file); !changed.ok()) return failed(to, changed.failure());
    if (!at.json) to.out << done << "\n";
    return tell_daemon(at, to);
}

struct new_password {
    std::string hash;
    std::string shown; // what was generated
};

result<new_password> make_password(const device_options& options) {
    new_password out;
    WHARF_TRY_ASSIGN(std::string password, password_for(options));
    if (options.generate) out.shown = password;
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

} // namespace

result<std::string> password_for(const device_options& options) {
    if (options.generate) return access::generated_password();
    if (options.password_file.empty())
        return access::read_password("New password of " + printable(options.name));
    constexpr std::uint32_t k_mode_most = 0640;
    WHARF_TRY_ASSIGN(
        std::string text,
        read_private_file(options.password_file,
                          {k_mode_most, limits::k_password_bytes_max + 2, "holds a password"}));
    text.resize(std::min(text.find('\n'), text.size()));
    if (text.ends_with('\r')) text.pop_back();
    if (text.empty())
        return error{errc::invalid, options.password_file + ": its first line is empty"};
    return text;
}

int set_password(const places& at, const console& to, const device_options& options) {
    const std::string& name = options.name;
    auto file = file_of(at);
    if (!file.ok()) return failed(to, file.failure());
    // Nobody types a password for a name that is not there.
    auto all = access::load_enrolment(*file);
    if (!all.ok()) return failed(to, all.failure());
    if ((*all)->by_name(name) == nullptr)
        return failed(to, {errc::not_found,
                           "there is no identity \"" + name + "\": wharfctl device add " + name});
    auto made = make_password(options);
    if (!made.ok()) return failed(to, made.failure());
    const int code = change(
        at, to,
        [&](const std::string& path) { return access::give_password(path, name, made->hash); },
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
    access::identity one;
    one.name = options.name;
    if (auto wrong = access::check_identity_name(one.name); !wrong.empty())
        return failed(to, {errc::invalid, wrong});
    // Nobody types a password where there is no file.
    if (auto file = file_of(at); !file.ok()) return failed(to, file.failure());
    one.certificates = options.certificates;
    if (options.both) one.proof = access::needs::both;
    if (!options.publish.empty()) one.publish = options.publish;
    if (!options.subscribe.empty()) one.subscribe = options.subscribe;
    one.clients = options.clients;
    std::string shown;
    if (!options.no_password) {
        auto made = make_password(options);
        if (!made.ok()) return failed(to, made.failure());
        one.password = std::move(made->hash);
        shown = std::move(made->shown);
    }
    const int code = change(
        at, to, [&](const std::string& path) { return access::enrol(path, one); },
        printable(one.name) + " may sign in by " + proof_text(one) + ".");
    if (code == k_exit_good) show_password(at, to, one.name, shown);
    return code;
}

int remove_device(const places& at, const console& to, const std::string& name) {
    return change(
        at, to, [&](const std::string& path) { return access::unenrol(path, name); },
        printable(name) + " is removed; its connections end.");
}

int enable_device(const places& at, const console& to, const std::string& name, bool enabled) {
    return change(
        at, to, [&](const std::string& path) { return access::let_in(path, name, enabled); },
        printable(name) + (enabled ? " may sign in again." : " is disabled; its connections end."));
}

int reload_devices(const places& at, const console& to) {
    auto asked = ask_daemon(at, "POST", "/v1/access/reload");
    if (!asked.ok()) return failed(to, asked.failure());
    if (!at.json) to.out << "The daemon has read the identities again.\n";
    return k_exit_good;
}

} // namespace wharf::ctl
