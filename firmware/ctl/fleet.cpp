#include "firmware/ctl/fleet.hpp"

#include "firmware/ctl/fleet_link.hpp"
#include "firmware/ctl/fleet_select.hpp"
#include "firmware/ctl/table.hpp"
#include "firmware/views/audit.hpp"
#include "firmware/views/words.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/platform/keys/key_file.hpp"
#include "gateway/ports/digest.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <ostream>

namespace wharf::ctl {

namespace {

using json = nlohmann::ordered_json;
using namespace wharf::v1;
using clock = std::chrono::steady_clock;

// What is no JSON is nothing.
json parsed(const std::string& text) {
    auto out = json::parse(text, nullptr, false);
    return out.is_discarded() ? json(nullptr) : out;
}

std::string tags_text(const GatewayState& state) {
    std::string out;
    for (const std::string& tag : state.tags())
        out.append(out.empty() ? "" : " ").append(tag);
    return out;
}

json report_json(const CommandReport& answer) {
    json out = {{"code", answer.step() == COMMAND_STEP_DONE ? code_text(answer.code())
                                                            : std::string("no_answer")},
                {"message", answer.message()}};
    if (!answer.json().empty()) out["answer"] = parsed(answer.json());
    return out;
}

} // namespace

std::string answer_text(const CommandReport& answer) {
    if (answer.step() == COMMAND_STEP_RECEIVED || answer.step() == COMMAND_STEP_RUNNING)
        return "it is on its disk and will be done; its outcome was not heard of in time";
    if (answer.step() != COMMAND_STEP_DONE) return "no answer";
    std::string out = code_text(answer.code());
    return answer.message().empty() ? out : out + ": " + printable(answer.message());
}

int list_fleet(const fleet_options& how, bool as_json, const console& to) {
    const auto of = fleet_link::reach(how, to);
    if (!of.ok()) return failed(to, of.failure());
    const auto chosen = of->select(how.on);
    if (!chosen.ok()) return failed(to, chosen.failure());
    table rows({"site", "gateway", "tags", "health", "software", "since", "said at", "why"});
    json all = json::array();
    bool good = true;
    for (const std::string& name : *chosen) {
        const gateway_seen& seen = of->gateways().at(name);
        const GatewayState& state = seen.state;
        const std::string health = seen.complaint.empty() ? state.health() : "not believed";
        const std::string why = !seen.complaint.empty()    ? seen.complaint
                                : state.reasons_size() > 0 ? state.reasons(0)
                                                           : "";
        good = good && seen.complaint.empty() && (health == "ok" || seen.ended);
        rows.add({printable(state.site()), printable(state.gateway()), printable(tags_text(state)),
                  printable(health), printable(state.software()), time_text(state.started_at_us()),
                  time_text(state.at_us()), printable(why)});
        all.push_back({{"site", state.site()},
                       {"gateway", state.gateway()},
                       {"tags", state.tags()},
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
    for (const std::string& name : of->missing()) {
        GatewayState unknown;
        const auto slash = name.rfind('/');
        unknown.set_site(name.substr(0, slash));
        unknown.set_gateway(name.substr(slash + 1));
        unknown.set_health("missing");
        // What is not known of it fits nothing.
        if (const auto fit = fits(unknown, how.on); !fit.ok() || !*fit) continue;
        good = false;
        constexpr const char* k_missing = "known from before; the broker has no state of it";
        rows.add({printable(unknown.site()), printable(unknown.gateway()), "", "missing", "", "",
                  "", k_missing});
        all.push_back({{"site", unknown.site()},
                       {"gateway", unknown.gateway()},
                       {"tags", json::array()},
                       {"health", unknown.health()},
                       {"reasons", json::array()},
                       {"complaint", k_missing},
                       {"software", ""}});
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
    WHARF_TRY_ASSIGN(auto of, fleet_link::reach(how, to));
    WHARF_TRY(of.read_key());
    WHARF_TRY_ASSIGN(const auto chosen, of.select(how.on));
    if (chosen.empty()) return error{errc::not_found, "no gateway fits"};
    fleet_answers out;
    std::map<std::string, Command> commands;
    for (const std::string& name : chosen) {
        const gateway_seen& seen = of.gateways().at(name);
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
        if (auto command = make(seen.state)) commands.emplace(name, std::move(*command));
    }
    if (commands.empty()) return out;
    WHARF_TRY(of.order(std::move(commands)));
    WHARF_TRY(of.await_answers(clock::now() + std::chrono::seconds(how.timeout_s)));
    WHARF_TRY(of.remember());
    for (auto& [name, one] : of.orders()) {
        if (how.objection && is_good(one.answer))
            if (auto why = how.objection(one.answer, of.gateways().at(name).state); !why.empty())
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
            to.err << "wharfctl: " << printable(name) << ": " << answer_text(answer) << "\n";
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
    if (!is_good(report)) return failed(to, {errc::io, "wharfd: " + answer_text(report)});
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

result<std::vector<gateway_view>> look_at_fleet(const fleet_options& how, const console& to) {
    WHARF_TRY_ASSIGN(const auto of, fleet_link::reach(how, to));
    WHARF_TRY_ASSIGN(const auto chosen, of.select(how.on));
    std::vector<gateway_view> out;
    for (const std::string& name : chosen)
        out.push_back({name, of.gateways().at(name).state, of.gateways().at(name).complaint});
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
