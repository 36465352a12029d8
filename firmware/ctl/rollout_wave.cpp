#include "firmware/ctl/rollout_wave.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace wharf::ctl {

namespace {

using namespace wharf::v1;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto k_wait = milliseconds(200);
constexpr auto k_tell_every = seconds(10);

std::uint64_t version_on_trial(const CommandReport& report) {
    const auto said = nlohmann::json::parse(report.json(), nullptr, false);
    if (!said.is_object() || !said.contains("on_trial") || !said["on_trial"].is_number_unsigned())
        return 0;
    return said["on_trial"].get<std::uint64_t>();
}

} // namespace

double rollout_wave::now_s() const {
    return std::chrono::duration<double>(clock::now() - begun_).count();
}

void rollout_wave::tell(const std::string& what, std::size_t count, std::size_t of) {
    if (clock::now() < told_ + k_tell_every) return;
    told_ = clock::now();
    say_(what + ": " + std::to_string(count) + " of " + std::to_string(of));
}

result<wave_outcome> rollout_wave::run(const std::vector<std::string>& gateways) {
    out_.gateways = gateways;
    link_.watch(gateways);
    WHARF_TRY(put_on_trial());
    out_.took.order_s = now_s();
    if (!too_many(now_s())) {
        WHARF_TRY(wait_until_seen());
    }
    out_.took.seen_s = now_s() - out_.took.order_s;
    watch_.begin_gate(now_s());
    if (!too_many(now_s())) {
        WHARF_TRY(hold_gate());
    }
    out_.took.gate_s = now_s() - out_.took.order_s - out_.took.seen_s;
    if (watch_.failures().size() <= how_.failures_max) {
        WHARF_TRY(confirm());
    }
    out_.confirmed = watch_.failures().size() <= how_.failures_max;
    std::vector<std::string> back;
    for (const std::string& name : gateways)
        if (!confirmed_.contains(name)) back.push_back(name);
    if (!out_.confirmed) out_.kept = confirmed_.size();
    if (!back.empty()) {
        WHARF_TRY(take_back(back));
    }
    out_.failures = watch_.failures();
    out_.took.end_s = now_s() - out_.took.order_s - out_.took.seen_s - out_.took.gate_s;
    WHARF_TRY(link_.remember());
    return std::move(out_);
}

// One message, and what it says of a gateway; whose order it ends.
result<std::string> rollout_wave::look(milliseconds wait) {
    how_.while_waiting();
    WHARF_TRY_ASSIGN(fleet_news news, link_.pump(wait));
    if (!news.state_of.empty()) {
        const gateway_seen& seen = link_.gateways().at(news.state_of);
        watch_.on_state(news.state_of, facts_of(seen.state, seen.complaint), now_s());
    }
    return std::move(news.answer_of);
}

// With an answer it is known which version of this gateway is meant.
void rollout_wave::take_answer(const std::string& name, const CommandReport& answer,
                               gateway_facts before) {
    const auto version = version_on_trial(answer);
    if (!is_good(answer) || version == 0) return watch_.fail(name, answer_text(answer));
    watch_.expect(name, std::move(before), version);
    // Its state may have come before its answer.
    const gateway_seen& seen = link_.gateways().at(name);
    watch_.on_state(name, facts_of(seen.state, seen.complaint), now_s());
}

status rollout_wave::put_on_trial() {
    std::map<std::string, Command> commands;
    std::map<std::string, gateway_facts> before;
    for (const std::string& name : out_.gateways) {
        const gateway_seen& seen = link_.gateways().at(name);
        before[name] = facts_of(seen.state, seen.complaint);
        if (before[name].there)
            commands.emplace(name, how_.command(seen.state));
        else
            watch_.fail(name, seen.complaint.empty() ? "it has gone away"
                                                     : "it is not believed: " + seen.complaint);
    }
    if (too_many(now_s())) return ok();
    const std::size_t asked = commands.size();
    WHARF_TRY(link_.order(std::move(commands)));
    const auto end = clock::now() + seconds(how_.timeout_s);
    while (link_.open() > 0 && clock::now() < end && !too_many(now_s())) {
        WHARF_TRY_ASSIGN(const std::string name, look(k_wait));
        if (!name.empty())
            take_answer(name, link_.orders().at(name).answer, std::move(before.at(name)));
        tell("ordered", asked - link_.open(), asked);
    }
    for (const auto& [name, one] : link_.orders())
        if (one.answer.step() != COMMAND_STEP_DONE && !too_many(now_s()))
            watch_.fail(name, answer_text(one.answer));
    return ok();
}

status rollout_wave::wait_until_seen() {
    const auto end = clock::now() + seconds(how_.timeout_s);
    while (!watch_.all_seen() && !too_many(now_s()) && clock::now() < end) {
        WHARF_TRY_ASSIGN(const std::string answered, look(k_wait));
        static_cast<void>(answered);
        tell("running with it on trial", watch_.seen_count(), out_.gateways.size());
    }
    return ok();
}

// Each says how it is every few seconds while it is on trial: the last word counts that comes when
// the time is over.
status rollout_wave::hold_gate() {
    const auto grace = static_cast<double>(how_.timeout_s);
    const double until_s = now_s() + how_.gate_s;
    while (!too_many(now_s()) && now_s() < until_s + grace) {
        if (watch_.watched_long_enough(now_s()) && watch_.heard_of_all()) break;
        WHARF_TRY_ASSIGN(const std::string answered, look(k_wait));
        static_cast<void>(answered);
        tell("watched for " + std::to_string(static_cast<int>(now_s() - until_s + how_.gate_s)) +
                 " s, failing",
             watch_.failing(now_s()), out_.gateways.size());
    }
    watch_.end_gate(watch_.watched_long_enough(now_s()));
    return ok();
}

status rollout_wave::wait_for_states(const std::function<bool(const GatewayState&)>& good,
                                     std::vector<std::string> of) {
    const auto is_there = [&](const std::string& name) {
        const gateway_seen& seen = link_.gateways().at(name);
        return seen.complaint.empty() && seen.state.health() != "gone" && good(seen.state);
    };
    std::set<std::string> open(of.begin(), of.end());
    std::erase_if(open, is_there);
    const auto end = clock::now() + seconds(how_.timeout_s);
    while (!open.empty() && clock::now() < end) {
        WHARF_TRY_ASSIGN(const fleet_news news, link_.pump(k_wait));
        if (open.contains(news.state_of) && is_there(news.state_of)) open.erase(news.state_of);
    }
    missing_ = open.size();
    return ok();
}

status rollout_wave::confirm() {
    std::map<std::string, Command> commands;
    for (const std::string& name : out_.gateways)
        if (!watch_.failures().contains(name))
            commands[name].mutable_configuration_confirm()->set_version(watch_.version_of(name));
    WHARF_TRY(link_.order(std::move(commands)));
    WHARF_TRY(link_.await_answers(clock::now() + seconds(how_.timeout_s)));
    for (const auto& [name, one] : link_.orders())
        if (is_good(one.answer))
            confirmed_.insert(name);
        else
            watch_.fail(name, "it could not be confirmed: " + answer_text(one.answer));
    // Who looks at the fleet next sees what is so.
    return wait_for_states(
        [](const GatewayState& state) { return state.configuration_confirm_by_us() == 0; },
        {confirmed_.begin(), confirmed_.end()});
}

// Who has it on trial is told; who does not answer goes back by itself.
status rollout_wave::take_back(const std::vector<std::string>& which) {
    std::map<std::string, Command> commands;
    std::vector<std::string> names;
    for (const std::string& name : which) {
        const gateway_seen& seen = link_.gateways().at(name);
        const bool ordered = watch_.version_of(name) != 0;
        if (!ordered || !seen.complaint.empty()) continue;
        commands[name].mutable_configuration_revert()->set_version(watch_.version_of(name));
        names.push_back(name);
    }
    out_.to_go_back = names.size();
    if (commands.empty()) return ok();
    say_("taking it back from " + std::to_string(names.size()));
    WHARF_TRY(link_.order(std::move(commands)));
    WHARF_TRY(link_.await_answers(clock::now() + seconds(how_.timeout_s)));
    WHARF_TRY(wait_for_states(
        [this](const GatewayState& state) {
            return state.configuration_confirm_by_us() == 0 &&
                   state.configuration_version() !=
                       watch_.version_of(state.site() + "/" + state.gateway());
        },
        names));
    out_.back = names.size() - missing_;
    return ok();
}

} // namespace wharf::ctl
