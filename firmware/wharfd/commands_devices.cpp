// Commands about the identities of devices: the identities file is changed by the code that
// wharfctl uses on the gateway, and read again at once. Passwords come sealed and leave no trace.
#include "firmware/views/devices.hpp"
#include "firmware/wharfd/command_words.hpp"
#include "firmware/wharfd/commands_keys.hpp"
#include "gateway/access/secret.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/manage/envelope.hpp"
#include "gateway/platform/access/enrolment_file.hpp"
#include "gateway/platform/access/password.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace wharf {

namespace {

using json = nlohmann::ordered_json;
using namespace wharf::v1;
using manage::command_outcome;

constexpr std::uint32_t k_count_default = 100;
constexpr std::uint32_t k_count_max = 1000;

std::string dumped(const json& of) {
    return of.dump(-1, ' ', false, json::error_handler_t::replace);
}

command_outcome failed(const error& why) {
    const bool there = why.code == errc::conflict;
    return {there ? COMMAND_CODE_FAILED : code_of(why), why.message, {}};
}

// Wipes itself.
struct secret {
    std::string text = {};
    secret() = default;
    ~secret() { access::wipe(text); }
    secret(const secret&) = delete;
    secret& operator=(const secret&) = delete;
};

std::vector<std::string> copied(const google::protobuf::RepeatedPtrField<std::string>& from) {
    return {from.begin(), from.end()};
}

access::identity identity_of(const DevicePutCommand& asked) {
    access::identity out;
    out.name = asked.name();
    out.certificates = copied(asked.certificates());
    if (asked.needs_both()) out.proof = access::needs::both;
    if (asked.has_publish()) out.publish = copied(asked.publish().filters());
    if (asked.has_subscribe()) out.subscribe = copied(asked.subscribe().filters());
    out.clients = copied(asked.clients());
    return out;
}

// What it was to be, but for the salt.
bool is_same(access::identity there, access::identity wanted, const std::string& password) {
    const bool fits = wanted.password.empty() ? there.password.empty()
                                              : access::password_fits(there.password, password);
    there.password.clear();
    wanted.password.clear();
    return fits && there == wanted;
}

struct put_order {
    std::string file;
    DevicePutCommand asked;
    std::string info; // what its secret is sealed for
    std::optional<private_key> key;
    bool again = false;
};

command_outcome put(const put_order& of) {
    secret password;
    access::identity wanted = identity_of(of.asked);
    if (of.asked.has_password()) {
        if (!of.key)
            return {COMMAND_CODE_UNSUPPORTED, "without a fleet this gateway opens no secret", {}};
        auto opened = of.key->open(of.asked.password().sealed(), of.info);
        if (!opened.ok())
            return {COMMAND_CODE_INVALID, "password: " + opened.failure().message, {}};
        password.text = std::move(*opened);
        auto hash = access::hash_password(password.text);
        if (!hash.ok()) return failed(hash.failure());
        wanted.password = std::move(*hash);
    }
    if (of.asked.only_password() && wanted.password.empty())
        return {COMMAND_CODE_INVALID, "password: expected one", {}};
    status done = ok();
    if (of.asked.only_password())
        done = access::give_password(of.file, wanted.name, wanted.password);
    else if (of.again)
        done = access::enrol(of.file, wanted, [&](const access::identity& there) {
            return is_same(there, wanted, password.text);
        });
    else
        done = access::enrol(of.file, wanted);
    if (!done.ok()) return failed(done.failure());
    json answer = {{"name", wanted.name}};
    if (!of.asked.only_password()) answer["signs_in_by"] = views::proof_text(wanted);
    return {COMMAND_CODE_OK, {}, dumped(answer)};
}

command_outcome take_out(const std::string& file, const std::string& name, bool again) {
    const status done = access::unenrol(file, name);
    if (!done.ok() && !(again && done.failure().code == errc::not_found))
        return failed(done.failure());
    return {COMMAND_CODE_OK, {}, dumped({{"name", name}})};
}

command_outcome enable(const std::string& file, const std::string& name, bool enabled) {
    const status done = access::let_in(file, name, enabled);
    if (!done.ok()) return failed(done.failure());
    return {COMMAND_CODE_OK, {}, dumped({{"name", name}, {"enabled", enabled}})};
}

} // namespace

bool keys_office::has_identities(manage::ticket of) {
    if (!with_.settings.access.identities.empty()) return true;
    desk_->finish(
        of,
        {COMMAND_CODE_UNSUPPORTED, "no identities file is named in [access] of this gateway", {}});
    return false;
}

void keys_office::list_devices(const manage::act::run& what) {
    if (!has_identities(what.of)) return;
    on_worker(
        [file = with_.settings.access.identities,
         asked = what.command->device_list()]() -> command_outcome {
            const auto all = access::load_enrolment(file);
            if (!all.ok()) return failed(all.failure());
            const std::uint32_t most =
                asked.count_max() == 0 ? k_count_default : std::min(asked.count_max(), k_count_max);
            json out = json::array();
            for (const auto& one : (*all)->all())
                if (one->name > asked.after() && out.size() < most)
                    out.push_back(views::device_json(*one));
            return {COMMAND_CODE_OK, {}, dumped(out)};
        },
        [this, of = what.of](command_outcome outcome) { desk_->finish(of, std::move(outcome)); });
}

keys_office::work keys_office::device_work(const manage::act::run& what) {
    const Command& command = *what.command;
    const std::string& file = with_.settings.access.identities;
    switch (command.what_case()) {
    case Command::kDevicePut: {
        put_order order{file, command.device_put(), manage::secret_info(command.id()), std::nullopt,
                        what.again};
        if (key_) order.key = key_->key;
        return [order = std::move(order)] { return put(order); };
    }
    case Command::kDeviceRemove:
        return [file, name = command.device_remove().name(), again = what.again] {
            return take_out(file, name, again);
        };
    case Command::kDeviceEnable:
        return [file, name = command.device_enable().name()] { return enable(file, name, true); };
    default:
        return [file, name = command.device_disable().name()] { return enable(file, name, false); };
    }
}

// It is so once the file is read again: connections of who is changed or gone have ended.
void keys_office::change_devices(const manage::act::run& what) {
    if (!has_identities(what.of)) return leave();
    on_worker(device_work(what), [this, of = what.of](command_outcome outcome) {
        if (outcome.code != COMMAND_CODE_OK) return end(of, std::move(outcome));
        with_.access.reload([this, of, outcome = std::move(outcome)](const status& how) mutable {
            if (!how.ok())
                outcome = {COMMAND_CODE_FAILED,
                           "the file is changed, but the gateway goes on with the identities that "
                           "it had: " +
                               how.failure().message,
                           {}};
            end(of, std::move(outcome));
        });
    });
}

} // namespace wharf
