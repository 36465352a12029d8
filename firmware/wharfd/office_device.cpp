// What is asked of the device beneath: its restart, an update of its software.
#include "firmware/wharfd/device_office.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace wharf {

namespace {

using json = nlohmann::ordered_json;
using namespace wharf::v1;

constexpr std::size_t k_sha256_bytes = 32;
constexpr std::int64_t k_step_pause_us = 1'000'000;

std::string dumped(const json& of) {
    return of.dump(-1, ' ', false, json::error_handler_t::replace);
}

// It becomes an argument of a program: plain text, and no option.
bool is_plain(const std::string& text, std::size_t bytes_max) {
    return !text.empty() && text.size() <= bytes_max && text.front() != '-' &&
           std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

std::string wrong_in(const UpdateCommand& asked) {
    if (!is_plain(asked.source(), limits::k_update_source_bytes_max) ||
        !(asked.source().starts_with("https://") || asked.source().starts_with("/")))
        return "source: expected https://... or an absolute path, at most " +
               std::to_string(limits::k_update_source_bytes_max) + " bytes";
    if (asked.sha256().size() != k_sha256_bytes) return "sha256: expected 32 bytes";
    if (!is_plain(asked.version(), limits::k_update_version_bytes_max))
        return "version: expected 1 to " + std::to_string(limits::k_update_version_bytes_max) +
               " bytes of plain text";
    return {};
}

CommandCode code_of(const device_answer& answer) {
    return answer.became == device_answer::how::cannot ? COMMAND_CODE_UNSUPPORTED
                                                       : COMMAND_CODE_FAILED;
}

} // namespace

std::vector<std::string> names_of(const std::vector<device_ability>& can) {
    std::vector<std::string> out;
    for (const device_ability one : can)
        out.emplace_back(one == device_ability::reboot   ? "reboot"
                         : one == device_ability::update ? "update"
                                                         : "factory_reset");
    return out;
}

void device_office::look_at_device(with_facts then) {
    with_.device.look([this, then = std::move(then)](const device_facts& found) {
        facts_ = found;
        then(found);
    });
}

void device_office::able(manage::ticket of, device_ability ability, with_facts then) {
    look_at_device([this, of, ability, then = std::move(then)](const device_facts& found) {
        if (std::ranges::find(found.can, ability) != found.can.end()) return then(found);
        finish(of, COMMAND_CODE_UNSUPPORTED,
               found.why_not.empty() ? "the device beneath cannot" : found.why_not);
    });
}

// Over when the device has started since: what it noted before it was asked to says so.
void device_office::reboot(const manage::act::run& what) {
    const std::string id = to_hex(what.command->id());
    able(what.of, device_ability::reboot,
         [this, of = what.of, id, begun = what.begun](const device_facts& found) {
             if (found.boot.empty())
                 return finish(of, COMMAND_CODE_FAILED, "whether it started again cannot be told");
             if (!begun.empty() && begun != found.boot)
                 return finish(of, COMMAND_CODE_OK, "the device has started again");
             if (!begun.empty()) return reboot_now(of, id);
             submit(desk_->begun_with(of, found.boot), [this, of, id] { reboot_now(of, id); });
         });
}

void device_office::reboot_now(manage::ticket of, const std::string& id) {
    go_on_alone(of);
    with_.device.order(
        {id, device_order::reboot{}}, [](const device_step&) {},
        [this, of](const device_answer& answer) {
            if (answer.became != device_answer::how::done)
                return finish(of, code_of(answer), answer.words);
            work_ = "reboot: the device is about to start again";
            reboots_.push_back({of, with_.clock.monotonic_us() +
                                        std::int64_t{limits::k_device_reboot_wait_s} * 1'000'000});
        });
}

void device_office::update(const manage::act::run& what) {
    const UpdateCommand& asked = what.command->update();
    if (auto wrong = wrong_in(asked); !wrong.empty())
        return finish(what.of, COMMAND_CODE_INVALID, std::move(wrong));
    device_request order{
        to_hex(what.command->id()),
        device_order::update{asked.source(), to_hex(asked.sha256()), asked.version()}};
    able(what.of, device_ability::update,
         [this, of = what.of, order = std::move(order),
          version = asked.version()](const device_facts&) {
             go_on_alone(of);
             with_.device.order(
                 order, [this, of](const device_step& step) { tell_step(of, step); },
                 [this, of, version](const device_answer& answer) {
                     work_.clear();
                     if (answer.became != device_answer::how::done)
                         return finish(of, code_of(answer), answer.words);
                     finish(of, COMMAND_CODE_OK,
                            version + " is installed and waits for its restart",
                            dumped({{"version", version}, {"waits_for_restart", true}}));
                 });
         });
}

void device_office::tell_step(manage::ticket of, const device_step& step) {
    work_ = "update: " + step.name + ", " + std::to_string(step.percent) + " %" +
            (step.words.empty() ? "" : ": " + step.words);
    const auto now_us = with_.clock.monotonic_us();
    if (step_ == step.name && now_us - step_us_ < k_step_pause_us) return;
    step_ = step.name;
    step_us_ = now_us;
    desk_->tell_progress(
        of, {COMMAND_CODE_OK, work_,
             dumped({{"step", step.name}, {"percent", step.percent}, {"words", step.words}})});
}

} // namespace wharf
