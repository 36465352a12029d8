#include "firmware/ctl/rollout.hpp"

#include "firmware/ctl/config.hpp"
#include "firmware/ctl/fleet_link.hpp"
#include "firmware/ctl/fleet_select.hpp"
#include "firmware/ctl/interrupt.hpp"
#include "firmware/ctl/rollout_plan.hpp"
#include "firmware/ctl/rollout_wave.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/base/text.hpp"
#include "gateway/platform/private_file.hpp"
#include "gateway/platform/system_clock.hpp"
#include "gateway/ports/digest.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ostream>
#include <utility>

namespace wharf::ctl {

namespace {

using json = nlohmann::ordered_json;
using namespace wharf::v1;
using clock = std::chrono::steady_clock;

// An order to put something on trial that waits somewhere is not to be done much later.
constexpr std::uint32_t k_order_good_s = 600;
constexpr std::uint32_t k_confirm_s_default_min = 120;
constexpr std::size_t k_failures_shown_max = 20;

struct goal {
    std::string overlay;
    std::string digest; // to run it, or, with back, not to run it any more
    bool back = false;
    std::map<std::string, std::uint64_t> before; // with back: the version to go to
};

std::vector<gateway_view> views_of(const fleet_link& link, const std::vector<std::string>& names) {
    std::vector<gateway_view> out;
    for (const std::string& name : names) {
        const gateway_seen& seen = link.gateways().at(name);
        if (!seen.ended) out.push_back({name, seen.state, seen.complaint});
    }
    return out;
}

std::string count_text(std::size_t count, const char* what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string seconds_text(double s) {
    return std::to_string(static_cast<int>(s + 0.5)) + " s";
}

class rollout {
  public:
    rollout(const fleet_options& how, bool as_json, const console& to,
            const rollout_arguments& given)
        : how_(how), as_json_(as_json), to_(to), given_(given) {}

    result<int> run();

  private:
    result<std::string> overlay_of(fleet_link& link, const std::string& name,
                                   const std::string& digest);
    result<goal> find_goal(fleet_link& link, const std::vector<std::string>& names);
    status find_versions_before(fleet_link& link, rollout_plan& plan, goal& what);
    [[nodiscard]] Command command_for(const goal& what, const GatewayState& state) const;
    status validate(fleet_link& link, const rollout_plan& plan, const goal& what);
    result<std::size_t> do_waves(fleet_link& link, const rollout_plan& plan, const goal& what);
    void notice_pause();
    void note_wave(std::size_t number, const wave_outcome& outcome);
    void say_plan(const rollout_plan& plan, const goal& what);
    int finish(const rollout_plan& plan, std::size_t done);
    void say(const std::string& line) const { to_.err << line << "\n" << std::flush; }

    const fleet_options& how_;
    bool as_json_;
    console to_;
    const rollout_arguments& given_;
    std::uint32_t confirm_within_s_ = 0;
    std::size_t failures_ = 0;
    bool stopped_ = false;
    bool noticed_ = false;
    json said_ = json::object();
};

// The overlay as a gateway keeps it; nothing else has that digest.
result<std::string> rollout::overlay_of(fleet_link& link, const std::string& name,
                                        const std::string& digest) {
    std::map<std::string, Command> commands;
    commands[name] = get_config({});
    WHARF_TRY(link.order(std::move(commands)));
    WHARF_TRY(link.await_answers(clock::now() + std::chrono::seconds(how_.timeout_s)));
    const CommandReport& answer = link.orders().at(name).answer;
    if (!is_good(answer))
        return error{errc::io,
                     printable(name) + ": what it runs with is not known: " + answer_text(answer)};
    const auto shown = json::parse(answer.json(), nullptr, false);
    std::string text;
    if (shown.is_object() && shown.contains("overlay") && shown["overlay"].is_string())
        text = shown["overlay"].get<std::string>();
    if (std::string(view_of(sha256(text))) != digest)
        return error{errc::conflict, printable(name) + ": what it showed is not what it runs"};
    return text;
}

result<goal> rollout::find_goal(fleet_link& link, const std::vector<std::string>& names) {
    goal out;
    if (!given_.file.empty()) {
        WHARF_TRY_ASSIGN(
            out.overlay,
            read_private_file(given_.file, {07777, limits::k_overlay_bytes_max, "is readable"}));
        if (out.overlay.empty())
            return error{errc::invalid, given_.file + " is empty: --back takes an overlay away"};
        out.digest = std::string(view_of(sha256(out.overlay)));
    } else if (!given_.from.empty()) {
        WHARF_TRY_ASSIGN(const auto from, link.select(given_.from));
        WHARF_TRY_ASSIGN(out.digest, promoted(views_of(link, from)));
        WHARF_TRY_ASSIGN(out.overlay, overlay_of(link, from.front(), out.digest));
    } else {
        out.back = true;
        WHARF_TRY_ASSIGN(out.digest, taken_back(views_of(link, names)));
    }
    return out;
}

// Those of which it cannot be known are left out.
status rollout::find_versions_before(fleet_link& link, rollout_plan& plan, goal& what) {
    std::map<std::string, Command> commands;
    for (const auto& wave : plan.waves)
        for (const std::string& name : wave)
            commands[name] = get_config({});
    WHARF_TRY(link.order(std::move(commands)));
    WHARF_TRY(link.await_answers(clock::now() + std::chrono::seconds(how_.timeout_s)));
    for (const auto& [name, one] : link.orders()) {
        const auto version = is_good(one.answer) ? held_before(one.answer.json()) : std::nullopt;
        if (version)
            what.before.emplace(name, *version);
        else
            plan.left.push_back({name, "which version it held before is not known: " +
                                           (is_good(one.answer) ? "it keeps no record so old"
                                                                : answer_text(one.answer))});
    }
    for (auto& wave : plan.waves)
        std::erase_if(wave, [&](const std::string& name) { return !what.before.contains(name); });
    std::erase_if(plan.waves, [](const auto& wave) { return wave.empty(); });
    return ok();
}

Command rollout::command_for(const goal& what, const GatewayState& state) const {
    Command out;
    out.set_expires_at_us(system_clock().wall_us() +
                          std::int64_t{how_.timeout_s + k_order_good_s} * 1'000'000);
    if (what.back) {
        auto& asked = *out.mutable_configuration_revert();
        asked.set_version(what.before.at(state.site() + "/" + state.gateway()));
        asked.set_confirm_within_s(confirm_within_s_);
    } else {
        auto& asked = *out.mutable_configuration_apply();
        asked.set_overlay(what.overlay);
        asked.set_confirm_within_s(confirm_within_s_);
        asked.set_over_version(state.configuration_version());
    }
    return out;
}

// Only looks: who would refuse it.
status rollout::validate(fleet_link& link, const rollout_plan& plan, const goal& what) {
    std::map<std::string, Command> commands;
    for (const auto& wave : plan.waves)
        for (const std::string& name : wave)
            commands[name].mutable_configuration_validate()->set_overlay(what.overlay);
    if (what.back || commands.empty()) return ok();
    WHARF_TRY(link.order(std::move(commands)));
    WHARF_TRY(link.await_answers(clock::now() + std::chrono::seconds(how_.timeout_s)));
    for (const auto& [name, one] : link.orders()) {
        if (is_good(one.answer)) continue;
        ++failures_;
        say("wharfctl: " + printable(name) + ": " + answer_text(one.answer));
        said_["refused"].push_back({{"gateway", name}, {"why", answer_text(one.answer)}});
    }
    return ok();
}

void rollout::say_plan(const rollout_plan& plan, const goal& what) {
    const std::string digest = to_hex(what.digest);
    said_["kind"] = what.back ? "back" : "apply";
    said_["overlay_sha256"] = digest;
    said_["already"] = plan.done.size();
    said_["left_out"] = json::array();
    for (const left_out& one : plan.left) {
        said_["left_out"].push_back({{"gateway", one.gateway}, {"why", one.why}});
        say("wharfctl: " + printable(one.gateway) + ": left out: " + printable(one.why));
    }
    said_["waves"] = json::array();
    say(std::string(what.back ? "Back from" : "Rolling out") + " sha256 " + digest.substr(0, 16) +
        (what.back ? ": " : " to ") + count_text(plan.to_do(), "gateway") + " in " +
        count_text(plan.waves.size(), "wave") + "; " + std::to_string(plan.done.size()) +
        (what.back ? " do not run it" : " run it already"));
}

void rollout::notice_pause() {
    if (!interrupted() || std::exchange(noticed_, true)) return;
    say("Asked to pause: this wave is brought to its end first. Asked again, it is left alone, and "
        "goes back by itself.");
}

void rollout::note_wave(std::size_t number, const wave_outcome& outcome) {
    json failed = json::array();
    for (const auto& [name, why] : outcome.failures)
        failed.push_back({{"gateway", name}, {"why", why}});
    said_["waves"].push_back({{"number", number},
                              {"result", outcome.confirmed ? "confirmed" : "reverted"},
                              {"gateways", outcome.gateways},
                              {"failed", failed},
                              {"told_to_go_back", outcome.to_go_back},
                              {"seen_back", outcome.back},
                              {"kept", outcome.kept},
                              {"seconds",
                               {{"order", outcome.took.order_s},
                                {"seen", outcome.took.seen_s},
                                {"gate", outcome.took.gate_s},
                                {"end", outcome.took.end_s}}}});
    std::size_t shown = 0;
    for (const auto& [name, why] : outcome.failures) {
        if (++shown > k_failures_shown_max) {
            say("wharfctl: and " + std::to_string(outcome.failures.size() - k_failures_shown_max) +
                " more (--json has all)");
            break;
        }
        for (const std::string& words : why)
            say("wharfctl: " + printable(name) + ": " + printable(words));
    }
    const wave_times& took = outcome.took;
    const std::string seconds =
        " (ordered " + seconds_text(took.order_s) + ", running " + seconds_text(took.seen_s) +
        ", watched " + seconds_text(took.gate_s) + ", ended " + seconds_text(took.end_s) + ")";
    if (outcome.confirmed)
        return say("  confirmed on " +
                   std::to_string(outcome.gateways.size() - outcome.failures.size()) + " of " +
                   count_text(outcome.gateways.size(), "gateway") + seconds);
    say("  taken back: " + std::to_string(outcome.back) + " of " +
        std::to_string(outcome.to_go_back) +
        " were seen without it; who does not answer goes "
        "back by itself" +
        seconds);
    if (outcome.kept > 0)
        say("  " + count_text(outcome.kept, "gateway") +
            " had been confirmed before that and kept it");
}

// How many gateways have it now because of this.
result<std::size_t> rollout::do_waves(fleet_link& link, const rollout_plan& plan,
                                      const goal& what) {
    std::size_t done = 0;
    const std::size_t most = given_.waves_max == 0
                                 ? plan.waves.size()
                                 : std::min<std::size_t>(given_.waves_max, plan.waves.size());
    for (std::size_t i = 0; i < most && !stopped_ && !interrupted(); ++i) {
        const auto& gateways = plan.waves[i];
        say("Wave " + std::to_string(i + 1) + " of " + std::to_string(plan.waves.size()) + ": " +
            (gateways.size() == 1 ? printable(gateways.front())
                                  : count_text(gateways.size(), "gateway")));
        wave_settings settings;
        settings.command = [&](const GatewayState& state) { return command_for(what, state); };
        settings.gate_s = given_.gate_s;
        settings.timeout_s = how_.timeout_s;
        settings.failures_max =
            given_.failures_max - std::min<std::size_t>(failures_, given_.failures_max);
        settings.while_waiting = [this] { notice_pause(); };
        rollout_wave wave(link, settings, [this](const std::string& line) { say("  " + line); });
        auto ran = wave.run(gateways);
        if (!ran.ok())
            return std::move(ran).failure().in(
                "this wave was not confirmed: its gateways go back by themselves within " +
                std::to_string(confirm_within_s_) + " s, and then the same command goes on");
        const wave_outcome& outcome = *ran;
        note_wave(i + 1, outcome);
        failures_ += outcome.failures.size();
        stopped_ = !outcome.confirmed;
        done += outcome.confirmed ? gateways.size() - outcome.failures.size() : outcome.kept;
    }
    return done;
}

int rollout::finish(const rollout_plan& plan, std::size_t done) {
    const std::size_t left = plan.to_do() - done;
    const bool cut_off = interrupted() && left > 0 && !stopped_;
    const bool paused = left > failures_ && !stopped_;
    const char* end = stopped_ ? "stopped" : paused ? "paused" : "done";
    said_["result"] = given_.dry_run ? "planned" : end;
    said_["gateways"] = done;
    said_["to_do"] = left;
    if (as_json_) {
        to_.out << said_.dump(2, ' ', false, json::error_handler_t::replace) << "\n";
    } else if (given_.dry_run) {
        to_.out << (failures_ == 0 ? "Nothing was changed.\n"
                                   : "Nothing was changed; not every gateway would take it.\n");
    } else if (stopped_) {
        to_.out << "Stopped: " << count_text(failures_, "gateway") << " failed, "
                << count_text(left, "gateway")
                << " not done. Those of later waves were not touched.\n";
    } else if (paused) {
        to_.out << "Paused: " << count_text(done, "gateway") << " done, " << left
                << " to go. The same command goes on where this ended.\n";
    } else {
        to_.out << "Done: " << count_text(done, "gateway")
                << (failures_ > 0 ? ", " + std::to_string(failures_) + " failed" : "") << ".\n";
    }
    const bool good = !stopped_ && !cut_off && failures_ == 0 && plan.left.empty();
    return good ? k_exit_good : k_exit_finding;
}

result<int> rollout::run() {
    WHARF_TRY_ASSIGN(const auto waves, parse_waves(given_.waves));
    const std::uint32_t needed_s = given_.gate_s + how_.timeout_s;
    confirm_within_s_ = given_.confirm_within_s;
    if (confirm_within_s_ == 0)
        confirm_within_s_ = std::clamp(given_.gate_s + 4 * how_.timeout_s, k_confirm_s_default_min,
                                       limits::k_confirm_s_max);
    if (confirm_within_s_ <= needed_s)
        return error{errc::invalid,
                     "--confirm-within: expected more than --gate-s and --timeout together, " +
                         std::to_string(needed_s) +
                         " s: else what is good goes back before it is confirmed"};
    WHARF_TRY_ASSIGN(auto link, fleet_link::reach(how_, to_, true));
    WHARF_TRY(link.read_key());
    WHARF_TRY_ASSIGN(const auto names, link.select(how_.on));
    if (names.empty()) return error{errc::not_found, "no gateway fits --on"};
    WHARF_TRY_ASSIGN(goal what, find_goal(link, names));
    WHARF_TRY_ASSIGN(rollout_plan plan,
                     plan_rollout(views_of(link, names), what.digest, what.back, waves));
    if (what.back) {
        WHARF_TRY(find_versions_before(link, plan, what));
    }
    say_plan(plan, what);
    if (given_.dry_run) {
        for (std::size_t i = 0; i < plan.waves.size(); ++i) {
            said_["waves"].push_back({{"number", i + 1}, {"gateways", plan.waves[i]}});
            if (as_json_) continue;
            to_.out << "Wave " << i + 1 << ":\n";
            for (const std::string& name : plan.waves[i])
                to_.out << "  " << printable(name) << "\n";
        }
        WHARF_TRY(validate(link, plan, what));
        return finish(plan, 0);
    }
    WHARF_TRY_ASSIGN(const std::size_t done, do_waves(link, plan, what));
    return finish(plan, done);
}

} // namespace

int roll_out(const fleet_options& how, bool as_json, const console& to,
             const rollout_arguments& given) {
    note_interrupts();
    auto code = rollout(how, as_json, to, given).run();
    if (!code.ok()) return failed(to, code.failure());
    return *code;
}

} // namespace wharf::ctl
