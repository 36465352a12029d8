#include "firmware/wharfd/configuration.hpp"

#include "firmware/views/words.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/platform/log/log.hpp"
#include "gateway/ports/digest.hpp"

#include <nlohmann/json.hpp>

namespace wharf {

namespace {

using json = nlohmann::ordered_json;
using namespace wharf::v1;

// Beside what else an answer holds.
constexpr std::size_t k_effective_shown_max = limits::k_report_bytes_max / 2;

std::string dumped(const json& of) {
    return of.dump(-1, ' ', false, json::error_handler_t::replace);
}

json lines_of(const std::string& text) {
    json out = json::array();
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        out.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

json changes_of(const effective_config& from, const effective_config& to) {
    json out = json::array();
    const auto before = flattened(from.text, "");
    const auto after = flattened(to.text, "");
    if (!before.ok() || !after.ok()) return out; // both were read before
    for (const key_change& one : difference(*before, *after))
        out.push_back({{"key", one.key}, {"before", one.before}, {"after", one.after}});
    return out;
}

std::string digest_text(std::string_view bytes) {
    return to_hex(view_of(sha256(bytes)));
}

} // namespace

configuration_office::configuration_office(parts with)
    : with_(std::move(with)), files_(with_.with.now.settings.journal.path),
      machine_(with_.with.plan, with_.with.set_aside, now()) {}

manage::configuration_time configuration_office::now() const {
    return {with_.clock.monotonic_us(), with_.clock.wall_us()};
}

void configuration_office::finish(manage::ticket of, manage::command_outcome outcome) {
    desk_->finish(of, std::move(outcome));
}

bool configuration_office::run(const manage::act::run& what) {
    const Command& command = *what.command;
    manage::configuration_order by{what.of,          command.id(), what.by,
                                   command.reason(), what.again,   what.local};
    switch (command.what_case()) {
    case Command::kConfigurationGet:
        show(what.of, command.configuration_get().version());
        return true;
    case Command::kConfigurationValidate:
        validate(what.of, command.configuration_validate().overlay());
        return true;
    case Command::kConfigurationApply: {
        const auto& asked = command.configuration_apply();
        apply(std::move(by), asked.overlay(), asked.confirm_within_s(),
              asked.has_over_version() ? std::optional(asked.over_version()) : std::nullopt);
        break;
    }
    case Command::kConfigurationConfirm:
        machine_.confirm(std::move(by), command.configuration_confirm().version(), now());
        break;
    case Command::kConfigurationRevert:
        revert(by, command.configuration_revert());
        break;
    case Command::kConfigurationClear:
        machine_.clear(std::move(by));
        break;
    default:
        return false;
    }
    perform();
    return true;
}

void configuration_office::apply(manage::configuration_order by, std::string overlay,
                                 std::uint32_t confirm_within_s,
                                 std::optional<std::uint64_t> over_version) {
    manage::overlay_proposal what;
    what.confirm_within_s = confirm_within_s;
    what.over_version = over_version;
    if (auto good = judged(with_.with.own, with_.with.own_name, overlay); good.ok()) {
        next_ = std::move(*good);
        what.live = can_change_live(with_.with.now, next_);
    } else {
        what.invalid = good.failure().message;
    }
    what.overlay = std::move(overlay);
    machine_.apply(std::move(by), std::move(what), now());
}

void configuration_office::revert(const manage::configuration_order& by,
                                  const ConfigurationRevertCommand& what) {
    if (!machine_.revert(by, what.version())) return;
    auto text = files_.text_of(machine_.record(), what.version());
    if (!text.ok()) return finish(by.of, {COMMAND_CODE_FAILED, text.failure().message, {}});
    apply(by, std::move(*text), what.confirm_within_s(), std::nullopt);
}

void configuration_office::tick() {
    machine_.tick(now());
    perform();
}

// --- what the machine wants
// ------------------------------------------------------------------------

void configuration_office::perform() {
    for (auto actions = machine_.take_actions(); !actions.empty();
         actions = machine_.take_actions())
        for (auto& action : actions)
            std::visit([this](auto& one) { perform(one); }, action);
}

// A worker waits for the disk.
void configuration_office::perform(manage::configure::keep& one) {
    auto failure = std::make_shared<std::string>();
    const bool taken = with_.workers.post(
        [failure, files = files_, what = std::move(one)] {
            if (auto kept = files.keep(what); !kept.ok()) *failure = kept.failure().message;
        },
        [this, failure] {
            machine_.on_kept(*failure, now());
            perform();
            desk_->want_state();
        });
    if (!taken) machine_.on_kept("too much is under way", now());
}

void configuration_office::perform(manage::configure::use& one) {
    if (!one.live) return with_.begin_anew();
    const bool back = one.version == machine_.record().confirmed();
    if (!back) before_ = with_.with.now;
    with_.with.now.text = back ? before_.text : next_.text;
    with_.change_live(back ? before_.settings : next_.settings);
}

void configuration_office::perform(manage::configure::done& one) {
    if (one.code == COMMAND_CODE_INVALID)
        return finish(one.of,
                      {one.code, one.message, dumped({{"problems", lines_of(one.message)}})});
    finish(one.of,
           {one.code, one.message, one.code == COMMAND_CODE_OK ? outcome_json() : std::string()});
}

void configuration_office::perform(manage::configure::tell& one) {
    log::write(one.warning ? log::level::warn : log::level::info, one.text);
}

// --- what is said
// ----------------------------------------------------------------------------------

std::string configuration_office::outcome_json() const {
    const auto& record = machine_.record();
    json out = {{"confirmed", record.confirmed()}, {"in_effect", machine_.in_effect()}};
    if (record.has_trial()) {
        out["on_trial"] = record.trial().version();
        out["confirm_within_s"] = record.trial().confirm_within_s();
        out["begins_anew"] = machine_.leaving();
    }
    return dumped(out);
}

void configuration_office::validate(manage::ticket of, const std::string& overlay) {
    auto good = judged(with_.with.own, with_.with.own_name, overlay);
    if (!good.ok())
        return finish(of, {COMMAND_CODE_INVALID, good.failure().message,
                           dumped({{"problems", lines_of(good.failure().message)}})});
    finish(of, {COMMAND_CODE_OK,
                {},
                dumped({{"changes", changes_of(with_.with.now, *good)},
                        {"live", can_change_live(with_.with.now, *good)},
                        {"sha256", digest_text(overlay)},
                        {"warnings", good->settings.warnings}})});
}

void configuration_office::show(manage::ticket of, std::uint64_t version) {
    const auto& record = machine_.record();
    const std::uint64_t which = version == 0 ? machine_.in_effect() : version;
    auto overlay = files_.text_of(record, which);
    if (!overlay.ok() && version != 0)
        return finish(of, {COMMAND_CODE_NOT_FOUND, overlay.failure().message, {}});
    json kept = json::array();
    for (const OverlayVersion& one : record.kept())
        kept.push_back({{"version", one.version()},
                        {"sha256", to_hex(one.sha256())},
                        {"at", views::time_text(one.at_us())},
                        {"by", one.by()},
                        {"reason", one.reason()},
                        {"held", one.confirmed()}});
    const auto left_us = machine_.confirm_by_us() - now().now_us;
    json out = {{"version", which},
                {"in_effect", machine_.in_effect()},
                {"confirmed", record.confirmed()},
                {"on_trial", machine_.confirm_by_us() != 0},
                {"confirm_left_s", machine_.confirm_by_us() != 0 ? left_us / 1'000'000 : 0},
                {"problem", machine_.problem()},
                {"overlay", overlay.ok() ? *overlay : ""},
                {"overlay_problem", overlay.ok() ? "" : overlay.failure().message},
                {"kept", kept},
                {"effective_sha256", digest_text(with_.with.now.text)}};
    if (with_.with.now.text.size() <= k_effective_shown_max)
        out["effective"] = with_.with.now.text;
    else
        out["effective_left_out"] = "it is too long to be sent";
    finish(of, {COMMAND_CODE_OK, {}, dumped(out)});
}

void configuration_office::add_to(GatewayState& state) const {
    state.set_configuration(std::string(view_of(sha256(with_.with.now.text))));
    state.set_configuration_version(machine_.in_effect());
    state.set_configuration_overlay(machine_.digest());
    if (machine_.confirm_by_us() != 0)
        state.set_configuration_confirm_by_us(now().wall_us + machine_.confirm_by_us() -
                                              now().now_us);
    state.set_configuration_problem(machine_.problem());
}

} // namespace wharf
