// Identities of devices over the fleet. A password leaves this process sealed to one gateway's key
// for one command, and on the terminal where it was made here.
#include "firmware/ctl/device.hpp"
#include "gateway/access/identity.hpp"
#include "gateway/access/secret.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/base/text.hpp"
#include "gateway/manage/envelope.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ostream>

namespace wharf::ctl {

namespace {

using nlohmann::json;
using namespace wharf::v1;

struct secret {
    std::string text = {};
    secret() = default;
    ~secret() { access::wipe(text); }
    secret(const secret&) = delete;
    secret& operator=(const secret&) = delete;
};

DevicePutCommand ordered(const device_options& options, bool only_password) {
    DevicePutCommand out;
    out.set_name(options.name);
    out.set_only_password(only_password);
    if (only_password) return out;
    for (const std::string& one : options.certificates)
        out.add_certificates(one);
    out.set_needs_both(options.both);
    for (const std::string& one : options.publish)
        out.mutable_publish()->add_filters(one);
    for (const std::string& one : options.subscribe)
        out.mutable_subscribe()->add_filters(one);
    for (const std::string& one : options.clients)
        out.add_clients(one);
    return out;
}

void print_put(const CommandReport& report, std::ostream& out) {
    const auto said = json::parse(report.json(), nullptr, false);
    if (!said.is_object()) return;
    const std::string name = printable(said.value("name", ""));
    const std::string by = printable(said.value("signs_in_by", ""));
    if (by.empty())
        out << "The password of " << name << " is changed.\n";
    else
        out << name << " may sign in by " << by << ".\n";
}

// It may be in use there, or may yet be.
bool may_be_done(const CommandReport& answer) {
    return is_good(answer) || answer.step() != COMMAND_STEP_DONE;
}

} // namespace

int put_device(const places& at, const fleet_options& how, const console& to,
               const device_options& options, bool only_password) {
    if (auto wrong = access::check_identity_name(options.name); !wrong.empty())
        return failed(to, {errc::invalid, wrong});
    secret password;
    fleet_options with = how;
    if (!options.no_password || only_password) {
        auto given = password_for(options);
        if (!given.ok()) return failed(to, given.failure());
        password.text = std::move(*given);
        if (password.text.size() < limits::k_password_bytes_min ||
            password.text.size() > limits::k_password_bytes_max)
            return failed(
                to, {errc::invalid, "expected a password of " +
                                        std::to_string(limits::k_password_bytes_min) + " to " +
                                        std::to_string(limits::k_password_bytes_max) + " bytes"});
        with.seal = [&password](Command& into, const public_key& gateway) -> status {
            WHARF_TRY_ASSIGN(auto sealed,
                             gateway.seal(password.text, manage::secret_info(into.id())));
            into.mutable_device_put()->mutable_password()->set_sealed(std::move(sealed));
            return ok();
        };
    }
    Command command;
    *command.mutable_device_put() = ordered(options, only_password);
    auto answers = order_each(with, to, [&](const GatewayState&) { return command; });
    if (!answers.ok()) return failed(to, answers.failure());
    const bool shown = options.generate &&
                       std::ranges::any_of(answers->by_name,
                                           [](const auto& one) { return may_be_done(one.second); });
    if (shown && at.json)
        for (auto& [name, answer] : answers->by_name)
            if (may_be_done(answer))
                answer.set_json(json({{"name", options.name}, {"password", password.text}}).dump());
    const int code = print_answers(*answers, at.json, to, print_put);
    if (shown && !at.json)
        to.out << "Its password, which is shown this once: " << password.text << "\n";
    return code;
}

} // namespace wharf::ctl
