#include "firmware/ctl/fleet.hpp"

#include "firmware/ctl/known_gateways.hpp"
#include "firmware/ctl/table.hpp"
#include "firmware/views/audit.hpp"
#include "firmware/views/words.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/config/operator.hpp"
#include "gateway/manage/envelope.hpp"
#include "gateway/platform/fleet/operator_client.hpp"
#include "gateway/platform/keys/key_file.hpp"
#include "gateway/platform/private_file.hpp"

#include <nlohmann/json.hpp>
#include <sodium/randombytes.h>

#include <algorithm>
#include <map>
#include <ostream>

namespace wharf::ctl {

namespace {

using json = nlohmann::ordered_json;
using namespace wharf::v1;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// States are retained: all that there are come at once. So long without another: that was all.
constexpr auto k_quiet = milliseconds(700);
constexpr auto k_states_most = std::chrono::seconds(30);
// An order that nothing was heard of is sent again: under its id it is done once.
constexpr auto k_again = std::chrono::seconds(10);
constexpr std::size_t k_id_bytes = 16;

struct gateway_seen {
    std::string topic; // without its last level
    GatewayState state;
    public_key key;
    std::string complaint; // why it is not believed; empty where it is
    bool ended = false;    // decommissioned or reset: these are its last words
};

struct fleet {
    operator_config settings;
    std::unique_ptr<operator_client> broker;
    std::map<std::string, gateway_seen> gateways; // by "site/gateway"
};

// "site=B", "gateway=dock-*", "health=degraded", "software=0.1.0": whether the text fits, * for
// any.
bool fits_glob(std::string_view pattern, std::string_view text) {
    const auto star = pattern.find('*');
    if (star == std::string_view::npos) return pattern == text;
    if (!text.starts_with(pattern.substr(0, star))) return false;
    text.remove_prefix(star);
    const auto rest = pattern.substr(star + 1);
    for (std::size_t at = 0; at <= text.size(); ++at)
        if (fits_glob(rest, text.substr(at))) return true;
    return false;
}

result<bool> fits(const GatewayState& state, const std::vector<std::string>& selectors) {
    for (const std::string& selector : selectors) {
        const auto equals = selector.find('=');
        const std::string key = selector.substr(0, equals);
        const std::string value = equals == std::string::npos ? "" : selector.substr(equals + 1);
        const std::map<std::string, std::string> known = {{"site", state.site()},
                                                          {"gateway", state.gateway()},
                                                          {"health", state.health()},
                                                          {"software", state.software()}};
        const auto found = known.find(key);
        if (equals == std::string::npos || found == known.end())
            return error{errc::invalid, "--on " + selector +
                                            ": expected site=, gateway=, health= or software= and "
                                            "a value, in which * stands for any text"};
        if (!fits_glob(value, found->second)) return false;
    }
    return true;
}

bool is_plain(std::string_view name) {
    return !name.empty() && std::ranges::none_of(name, [](unsigned char c) {
        return c < 0x20 || c == 0x7f || c == '/';
    });
}

// A state says which key signed it; whether that is this gateway's key is known from before. Whose
// it is is said by its topic.
void take_state(fleet& of, known_gateways& known, const fleet_message& message) {
    constexpr std::string_view k_before = "wharf-fleet/1/";
    constexpr std::string_view k_behind = "/state";
    gateway_seen seen;
    SignedReport envelope;
    const std::string_view topic = message.topic;
    if (!topic.starts_with(k_before) || !topic.ends_with(k_behind) ||
        topic.size() <= k_before.size() + k_behind.size() || message.payload.empty())
        return; // one that was cleared
    seen.topic = topic.substr(0, topic.size() - k_behind.size());
    const std::string name = seen.topic.substr(k_before.size());
    const auto slash = name.find('/');
    if (slash == std::string::npos || !is_plain(name.substr(0, slash)) ||
        !is_plain(name.substr(slash + 1)))
        return;
    if (!envelope.ParseFromString(message.payload) ||
        !seen.state.ParseFromString(envelope.report()))
        seen.complaint = "its state cannot be read";
    auto key = public_key::read(seen.state.public_key());
    if (!key.ok()) {
        seen.complaint = "its state has no key";
    } else {
        seen.key = *key;
        if (!manage::is_signed_by(envelope, *key))
            seen.complaint = "its state is not signed by its key";
        else if (seen.state.site() + "/" + seen.state.gateway() != name)
            seen.complaint = "its state is another's, in its place";
        else if (seen.state.ended_at_us() == 0 && known.is_retired(key->fingerprint()))
            seen.complaint = "its key was retired when the gateway ended: nothing it signs counts";
        else if (seen.state.ended_at_us() != 0)
            seen.ended = known.retire(name, key->fingerprint());
        else if (!known.is(name, key->fingerprint()))
            seen.complaint = "its key is not the one it had: if it was replaced, say so with "
                             "--accept-changed-keys";
        else if (seen.state.health() != "gone") // its last words were written before it was reached
            seen.complaint =
                known.trail_objection(name, seen.state.audit_number(), seen.state.audit_head());
    }
    if (seen.complaint.empty() && seen.state.ended_at_us() != 0 && !seen.ended)
        seen.complaint = "it says that it has ended, and its key is not the one it had";
    seen.state.set_site(name.substr(0, slash));
    seen.state.set_gateway(name.substr(slash + 1));
    of.gateways[name] = std::move(seen);
}

result<fleet> reach(const fleet_options& how) {
    fleet out;
    WHARF_TRY_ASSIGN(
        const std::string text,
        read_private_file(how.config_file, {07777, limits::k_config_bytes_max, "is readable"}));
    WHARF_TRY_ASSIGN(out.settings, parse_operator_config(text, how.config_file));
    WHARF_TRY_ASSIGN(auto known,
                     known_gateways::read(out.settings.known_gateways, how.accept_changed_keys));
    WHARF_TRY_ASSIGN(out.broker, operator_client::connect(out.settings));
    WHARF_TRY(out.broker->subscribe({"wharf-fleet/1/+/+/state"}));
    const auto most = clock::now() + k_states_most;
    while (clock::now() < most) {
        WHARF_TRY_ASSIGN(const auto message, out.broker->next(k_quiet));
        if (!message) break;
        take_state(out, known, *message);
    }
    WHARF_TRY(known.write());
    return out;
}

result<std::vector<std::string>> select(const fleet& of, const std::vector<std::string>& on) {
    std::vector<std::string> out;
    for (const auto& [name, seen] : of.gateways) {
        WHARF_TRY_ASSIGN(const bool fit, fits(seen.state, on));
        if (fit) out.push_back(name);
    }
    return out;
}

// What is no JSON is nothing.
json parsed(const std::string& text) {
    auto out = json::parse(text, nullptr, false);
    return out.is_discarded() ? json(nullptr) : out;
}

struct order {
    Command command;
    std::string bytes; // signed
    clock::time_point sent;
    CommandReport answer;              // with step DONE: it is over
    std::vector<std::string> progress; // JSON, where nobody looks at it meanwhile
    std::int64_t progress_us = 0;      // when the last of it was said
};

// A broker may repeat what it has: only what is newer counts.
void take_progress(order& one, const std::string& name, const CommandReport& report, bool alone,
                   const fleet_options& how, const console& to) {
    if (report.json().empty() || report.at_us() <= one.progress_us) return;
    one.progress_us = report.at_us();
    if (!how.progress) return one.progress.push_back(report.json());
    if (!alone) to.out << "== " << printable(name) << "\n";
    how.progress(report, to.out);
}

status sign_and_send(fleet& of, const gateway_seen& to, const private_key& by, order& one) {
    SignedCommand envelope;
    envelope.set_command(one.command.SerializeAsString());
    WHARF_TRY(manage::sign_command(envelope, by));
    one.bytes = envelope.SerializeAsString();
    one.sent = clock::now();
    return of.broker->publish(to.topic + "/cmd", one.bytes);
}

std::string said(const CommandReport& answer) {
    if (answer.step() == COMMAND_STEP_RECEIVED || answer.step() == COMMAND_STEP_RUNNING)
        return "it is on its disk and will be done; its outcome was not heard of in time";
    if (answer.step() != COMMAND_STEP_DONE) return "no answer";
    std::string out = code_text(answer.code());
    return answer.message().empty() ? out : out + ": " + printable(answer.message());
}

json report_json(const CommandReport& answer) {
    json out = {{"code", answer.step() == COMMAND_STEP_DONE ? code_text(answer.code())
                                                            : std::string("no_answer")},
                {"message", answer.message()}};
    if (!answer.json().empty()) out["answer"] = parsed(answer.json());
    return out;
}

// Waits for all of them, sends again what nothing was heard of, signs again what was stale.
status follow(fleet& of, const private_key& by, std::map<std::string, order>& orders,
              const fleet_options& how, const console& to) {
    const auto end = clock::now() + std::chrono::seconds(how.timeout_s);
    std::size_t open = orders.size();
    while (open > 0 && clock::now() < end) {
        WHARF_TRY_ASSIGN(const auto message, of.broker->next(milliseconds(200)));
        for (auto& [name, one] : orders)
            if (one.answer.step() != COMMAND_STEP_DONE && clock::now() - one.sent > k_again) {
                one.sent = clock::now();
                WHARF_TRY(of.broker->publish(of.gateways.at(name).topic + "/cmd", one.bytes));
            }
        if (!message) continue;
        SignedReport envelope;
        CommandReport report;
        if (!envelope.ParseFromString(message->payload) ||
            !report.ParseFromString(envelope.report()))
            continue;
        for (auto& [name, one] : orders) {
            const gateway_seen& at = of.gateways.at(name);
            if (message->topic != at.topic + "/res" || report.id() != one.command.id() ||
                one.answer.step() == COMMAND_STEP_DONE)
                continue;
            if (!manage::is_signed_by(envelope, at.key)) {
                to.err << "wharfctl: " << name << ": a report that it did not sign is left out\n";
                continue;
            }
            if (report.code() == COMMAND_CODE_STALE_NONCE) {
                // An answer to what was sent before: it is signed anew already.
                if (report.nonce() == one.command.nonce()) continue;
                one.command.set_nonce(report.nonce());
                WHARF_TRY(sign_and_send(of, at, by, one));
                continue;
            }
            if (report.step() == COMMAND_STEP_RUNNING)
                take_progress(one, name, report, orders.size() == 1, how, to);
            one.answer = std::move(report);
            if (one.answer.step() == COMMAND_STEP_DONE) --open;
            break;
        }
    }
    return ok();
}

} // namespace

int list_fleet(const fleet_options& how, bool as_json, const console& to) {
    auto of = reach(how);
    if (!of.ok()) return failed(to, of.failure());
    auto chosen = select(*of, how.on);
    if (!chosen.ok()) return failed(to, chosen.failure());
    table rows({"site", "gateway", "health", "software", "since", "said at", "why"});
    json all = json::array();
    bool good = true;
    for (const std::string& name : *chosen) {
        const gateway_seen& seen = of->gateways.at(name);
        const GatewayState& state = seen.state;
        const std::string health = seen.complaint.empty() ? state.health() : "not believed";
        const std::string why = !seen.complaint.empty()    ? seen.complaint
                                : state.reasons_size() > 0 ? state.reasons(0)
                                                           : "";
        good = good && seen.complaint.empty() && (health == "ok" || seen.ended);
        rows.add({printable(state.site()), printable(state.gateway()), printable(health),
                  printable(state.software()), time_text(state.started_at_us()),
                  time_text(state.at_us()), printable(why)});
        all.push_back({{"site", state.site()},
                       {"gateway", state.gateway()},
                       {"health", health},
                       {"reasons", state.reasons()},
                       {"complaint", seen.complaint},
                       {"software", state.software()},
                       {"started_at", time_text(state.started_at_us())},
                       {"at", time_text(state.at_us())},
                       {"key", to_hex(view_of(sha256(state.public_key())))},
                       {"audit_number", state.audit_number()},
                       {"audit_head", to_hex(state.audit_head())},
                       {"status", parsed(state.status_json())}});
    }
    if (as_json)
        to.out << all.dump(2, ' ', false, json::error_handler_t::replace) << "\n";
    else if (rows.empty())
        to.out << "No gateway" << (how.on.empty() ? " in the fleet.\n" : " fits.\n");
    else
        to.out << rows.text();
    return good ? k_exit_good : k_exit_finding;
}

result<fleet_answers> order_each(const fleet_options& how, const console& to,
                                 const command_maker& make) {
    WHARF_TRY_ASSIGN(auto of, reach(how));
    WHARF_TRY_ASSIGN(const auto key, read_key_file(of.settings.operator_key));
    WHARF_TRY_ASSIGN(const auto chosen, select(of, how.on));
    if (chosen.empty()) return error{errc::not_found, "no gateway fits"};
    fleet_answers out;
    std::map<std::string, order> orders;
    std::vector<std::string> results;
    for (const std::string& name : chosen) {
        const gateway_seen& seen = of.gateways.at(name);
        if (!seen.complaint.empty()) {
            to.err << "wharfctl: " << printable(name) << ": not asked: " << seen.complaint << "\n";
            out.all_asked = false;
            continue;
        }
        if (seen.ended) {
            to.err << "wharfctl: " << printable(name) << ": not asked: it has ended ("
                   << printable(seen.state.health()) << ")\n";
            continue;
        }
        auto command = make(seen.state);
        if (!command) continue;
        results.push_back(seen.topic + "/res");
        order& one = orders[name];
        one.command = std::move(*command);
        one.command.set_version(1);
        one.command.set_reason(how.reason);
        std::string id(k_id_bytes, '\0');
        randombytes_buf(id.data(), id.size());
        one.command.set_id(std::move(id));
        one.command.set_gateway(std::string(view_of(seen.key.fingerprint())));
        one.command.set_nonce(seen.state.nonce());
    }
    if (orders.empty()) return out;
    // One filter for many: what others order is left out by its id.
    WHARF_TRY(of.broker->subscribe(
        results.size() > 16 ? std::vector<std::string>{"wharf-fleet/1/+/+/res"} : results));
    for (auto& [name, one] : orders)
        WHARF_TRY(sign_and_send(of, of.gateways.at(name), key, one));
    WHARF_TRY(follow(of, key, orders, how, to));
    for (auto& [name, one] : orders) {
        if (how.objection && is_good(one.answer))
            if (auto why = how.objection(one.answer, of.gateways.at(name).state); !why.empty())
                out.objections.emplace(name, std::move(why));
        out.by_name.emplace(name, std::move(one.answer));
        out.progress.emplace(name, std::move(one.progress));
    }
    return out;
}

bool is_good(const CommandReport& answer) {
    return answer.step() == COMMAND_STEP_DONE && answer.code() == COMMAND_CODE_OK;
}

int print_answers(const fleet_answers& from, bool as_json, const console& to,
                  const answer_printer& print) {
    if (from.by_name.empty()) return k_exit_failed;
    json all = json::object();
    bool good = from.all_asked;
    for (const auto& [name, answer] : from.by_name) {
        const bool done = is_good(answer);
        const auto objection = from.objections.find(name);
        if (objection != from.objections.end())
            to.err << "wharfctl: " << printable(name)
                   << ": not to be trusted: " << objection->second << "\n";
        good = good && done && objection == from.objections.end();
        if (as_json) {
            all[name] = report_json(answer);
            if (const auto said = from.progress.find(name); said != from.progress.end())
                for (const std::string& text : said->second)
                    all[name]["progress"].push_back(parsed(text));
            continue;
        }
        if (from.by_name.size() > 1) to.out << "== " << printable(name) << "\n";
        if (!done)
            to.err << "wharfctl: " << printable(name) << ": " << said(answer) << "\n";
        else if (print)
            print(answer, to.out);
        else
            to.out << printable(name) << ": done.\n";
    }
    if (as_json) to.out << all.dump(2, ' ', false, json::error_handler_t::replace) << "\n";
    return good ? k_exit_good : k_exit_failed;
}

int order_here(const places& at, const fleet_options& how, const console& to, Command command,
               const answer_printer& print) {
    command.set_version(1);
    command.set_reason(how.reason);
    auto said_so = ask_daemon(at, "POST", "/v1/commands", command.SerializeAsString());
    if (!said_so.ok()) return failed(to, said_so.failure());
    CommandReport report;
    if (!report.ParseFromString(*said_so))
        return failed(to, {errc::io, "wharfd's answer cannot be read"});
    if (report.step() != COMMAND_STEP_DONE && how.follow)
        report = how.follow(at, to, how, std::move(report));
    if (at.json)
        to.out << report_json(report).dump(2, ' ', false, json::error_handler_t::replace) << "\n";
    if (!is_good(report)) return failed(to, {errc::io, "wharfd: " + said(report)});
    if (!at.json && print)
        print(report, to.out);
    else if (!at.json)
        to.out << "Done.\n";
    const std::string objection = how.objection ? how.objection(report, {}) : std::string();
    if (objection.empty()) return k_exit_good;
    to.err << "wharfctl: not to be trusted: " << objection << "\n";
    return k_exit_finding;
}

int order_fleet(const fleet_options& how, bool as_json, const console& to, const Command& command,
                const answer_printer& print) {
    auto answers = order_each(how, to, [&](const GatewayState&) { return command; });
    if (!answers.ok()) return failed(to, answers.failure());
    return print_answers(*answers, as_json, to, print);
}

result<std::vector<gateway_view>> look_at_fleet(const fleet_options& how) {
    WHARF_TRY_ASSIGN(auto of, reach(how));
    WHARF_TRY_ASSIGN(const auto chosen, select(of, how.on));
    std::vector<gateway_view> out;
    for (const std::string& name : chosen)
        out.push_back({name, of.gateways.at(name).state, of.gateways.at(name).complaint});
    return out;
}

int make_operator_key(const std::string& path, const console& to) {
    auto there = read_key_file(path);
    if (there.ok() || there.failure().code != errc::not_found)
        return failed(to, {errc::conflict, path + " is there already: no key is replaced"});
    auto key = read_or_make_key_file(path);
    if (!key.ok()) return failed(to, key.failure());
    to.out << "# The private key is in " << path << ": keep it, and keep it to yourself.\n"
           << "# For the operators file of a gateway, or for: wharfctl operators add\n"
           << "# fingerprint " << to_hex(view_of(key->half().fingerprint())) << "\n"
           << key->half().pem();
    return k_exit_good;
}

} // namespace wharf::ctl
