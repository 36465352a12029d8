#include "firmware/wharfd/commands_keys.hpp"

#include "firmware/wharfd/command_words.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/platform/log/log.hpp"

#include <nlohmann/json.hpp>

namespace wharf {

using namespace wharf::v1;

void keys_office::report_to(fleet_desk& desk, std::optional<device_key> key) {
    desk_ = &desk;
    key_ = std::move(key);
    if (key_) desk_->use_key(key_->key, key_->former);
}

bool keys_office::run(const manage::act::run& what) {
    switch (what.command->what_case()) {
    case Command::kDeviceList:
        list_devices(what);
        return true;
    case Command::kDevicePut:
        if (what.command->device_put().has_password()) sealed_.insert(what.of);
        in_turn([this, what] { change_devices(what); });
        return true;
    case Command::kDeviceRemove:
    case Command::kDeviceEnable:
    case Command::kDeviceDisable:
        in_turn([this, what] { change_devices(what); });
        return true;
    case Command::kKeyRotate:
        in_turn([this, what] { rotate(what); });
        return true;
    case Command::kCertificateRequest:
        in_turn([this, what] { request_certificate(what); });
        return true;
    case Command::kCertificateInstall:
        in_turn([this, what] { install_certificate(what); });
        return true;
    default:
        return false;
    }
}

// --- one after the other
// ---------------------------------------------------------------------------

void keys_office::in_turn(std::function<void()> job) {
    line_.push_back(std::move(job)); // at most limits::k_commands_open_max
    if (!busy_) begin_next();
}

void keys_office::begin_next() {
    if (line_.empty()) return;
    busy_ = true;
    const auto job = std::move(line_.front());
    line_.pop_front();
    job();
}

void keys_office::leave() {
    busy_ = false;
    begin_next();
}

void keys_office::end(manage::ticket of, manage::command_outcome outcome) {
    desk_->finish(of, std::move(outcome));
    leave();
}

void keys_office::on_worker(work what, next_step then) {
    auto made = std::make_shared<manage::command_outcome>();
    const bool taken = with_.workers.post([made, what = std::move(what)] { *made = what(); },
                                          [made, then] { then(std::move(*made)); });
    if (!taken) then({COMMAND_CODE_BUSY, "too much is under way", {}});
}

// --- the gateway's own key
// -------------------------------------------------------------------------

// What was sealed to the present key is opened, or opened again after a crash, before it goes.
void keys_office::rotate(const manage::act::run& what) {
    if (!key_)
        return end(what.of,
                   {COMMAND_CODE_UNSUPPORTED, "without a fleet this gateway has no key", {}});
    std::erase_if(sealed_, [this](manage::ticket one) { return !desk_->is_open(one); });
    if (!sealed_.empty())
        return end(what.of, {COMMAND_CODE_BUSY, "a command with a secret is under way: again", {}});
    auto next = std::make_shared<std::optional<device_key>>();
    on_worker(
        [next, now = *key_, files = device_key_files(with_.settings.fleet.key_file),
         id = what.command->id(), at_us = with_.clock.wall_us()]() -> manage::command_outcome {
            auto made = files.rotate(now, id, at_us);
            if (!made.ok()) return {COMMAND_CODE_FAILED, made.failure().message, {}};
            const nlohmann::ordered_json answer = {
                {"key", to_hex(view_of(made->key.half().fingerprint()))}};
            *next = std::move(*made);
            return {COMMAND_CODE_OK, {}, answer.dump()};
        },
        [this, of = what.of, next](manage::command_outcome outcome) {
            if (*next) {
                key_ = std::move(*next);
                log::info("the gateway's key is another one",
                          {{"key", to_hex(view_of(key_->key.half().fingerprint()))}});
                desk_->use_key(key_->key, key_->former);
                desk_->want_state();
            }
            end(of, std::move(outcome));
        });
}

void keys_office::add_to(GatewayState& state) const {
    if (!key_) return;
    for (const KeySuccession& link : key_->former.links())
        *state.add_succession() = link;
}

} // namespace wharf
