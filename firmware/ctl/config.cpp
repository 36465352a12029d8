#include "firmware/ctl/config.hpp"

#include "firmware/ctl/table.hpp"
#include "firmware/views/words.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/platform/private_file.hpp"
#include "gateway/ports/digest.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <ostream>
#include <thread>

namespace wharf::ctl {

namespace {

using json = nlohmann::ordered_json;
using namespace wharf::v1;

constexpr auto k_look_again = std::chrono::seconds(1);

json parsed(const CommandReport& report) {
    auto out = json::parse(report.json(), nullptr, false);
    return out.is_object() ? out : json::object();
}

std::string text_of(const json& from, const char* key) {
    const auto found = from.find(key);
    return found != from.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t number_of(const json& from, const char* key) {
    const auto found = from.find(key);
    return found != from.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

bool flag_of(const json& from, const char* key) {
    const auto found = from.find(key);
    return found != from.end() && found->is_boolean() && found->get<bool>();
}

// Lines of what a gateway says, made safe for a terminal.
std::string printable_lines(const std::string& text, const std::string& before) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        out.append(before).append(printable(text.substr(at, end - at))).append("\n");
        at = end + 1;
    }
    return out;
}

result<std::string> read_overlay(const std::string& file) {
    return read_private_file(file, {07777, limits::k_overlay_bytes_max, "is readable"});
}

std::string name_of(const GatewayState& state) {
    return state.site() + "/" + state.gateway();
}

std::string version_text(std::uint64_t version) {
    return version == 0 ? "its own file alone" : "version " + std::to_string(version);
}

std::string digest_of(const std::string& overlay) {
    return overlay.empty() ? std::string() : std::string(view_of(sha256(overlay)));
}

// Each problem on a line: those of an overlay that is not valid.
void print_problems(const fleet_answers& from, const console& to) {
    for (const auto& [name, answer] : from.by_name) {
        if (answer.code() != COMMAND_CODE_INVALID) continue;
        const json said = parsed(answer);
        if (!said.contains("problems") || !said["problems"].is_array()) continue;
        for (const auto& one : said["problems"])
            if (one.is_string())
                to.err << "  " << printable(name) << ": " << printable(one.get<std::string>())
                       << "\n";
    }
}

int finish(const result<fleet_answers>& answers, bool as_json, const console& to,
           const answer_printer& print) {
    if (!answers.ok()) return failed(to, answers.failure());
    const int code = print_answers(*answers, as_json, to, print);
    if (!as_json) print_problems(*answers, to);
    return code;
}

result<fleet_answers> ask_to_validate(const fleet_options& how, const console& to,
                                      const config_arguments& given) {
    WHARF_TRY_ASSIGN(const std::string overlay, read_overlay(given.file));
    return order_each(how, to, [&](const GatewayState&) {
        Command out;
        out.mutable_configuration_validate()->set_overlay(overlay);
        return out;
    });
}

std::uint64_t on_trial(const GatewayState& state) {
    return state.configuration_confirm_by_us() != 0 ? state.configuration_version() : 0;
}

result<fleet_answers> ask_to_confirm(const fleet_options& how, const console& to,
                                     const std::map<std::string, std::uint64_t>& versions) {
    return order_each(how, to, [&](const GatewayState& state) -> std::optional<Command> {
        const auto found = versions.find(name_of(state));
        if (found == versions.end()) return std::nullopt;
        Command out;
        out.mutable_configuration_confirm()->set_version(found->second);
        return out;
    });
}

// Which version of each gateway: the one given, or else the one in effect; of those that have it on
// trial, or of all. They are asked: their states are told a little later.
result<std::map<std::string, std::uint64_t>> versions_meant(const fleet_options& how,
                                                            const console& to,
                                                            const config_arguments& given,
                                                            bool on_trial_only) {
    WHARF_TRY_ASSIGN(const auto answers, order_each(how, to, [](const GatewayState&) {
                         return get_config(config_arguments{});
                     }));
    std::map<std::string, std::uint64_t> out;
    for (const auto& [name, answer] : answers.by_name) {
        const json said = parsed(answer);
        if (!is_good(answer))
            to.err << "wharfctl: " << printable(name) << ": what it runs with is not known\n";
        else if (given.version || !on_trial_only || flag_of(said, "on_trial"))
            out.emplace(name, given.version.value_or(number_of(said, "in_effect")));
    }
    return out;
}

// Until each of them runs with its version on trial, or the time is over. Those that do.
result<std::map<std::string, std::uint64_t>>
wait_for_trials(const fleet_options& how, const console& to,
                const std::map<std::string, std::uint64_t>& wanted) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(how.timeout_s);
    std::map<std::string, std::uint64_t> out;
    while (true) {
        WHARF_TRY_ASSIGN(const auto seen, look_at_fleet(how, to));
        for (const gateway_view& one : seen)
            if (const auto found = wanted.find(one.name);
                found != wanted.end() && one.complaint.empty() && one.state.health() != "gone" &&
                on_trial(one.state) == found->second)
                out.insert(*found);
        if (out.size() == wanted.size() || std::chrono::steady_clock::now() >= end) return out;
        std::this_thread::sleep_for(k_look_again);
    }
}

void print_applied(const CommandReport& report, std::ostream& out) {
    const json said = parsed(report);
    out << "  version " << number_of(said, "on_trial") << " is on trial for "
        << number_of(said, "confirm_within_s") << " s"
        << (flag_of(said, "begins_anew") ? "; the gateway begins anew with it" : "") << "\n";
}

// What was applied is on trial: confirmed where it is wanted, else said how.
int follow_trial(const fleet_options& how, bool as_json, const console& to,
                 const config_arguments& given, const result<fleet_answers>& answers) {
    const bool quiet = as_json && given.auto_confirm;
    if (!answers.ok()) return failed(to, answers.failure());
    const bool all_good =
        answers->all_asked &&
        std::ranges::all_of(answers->by_name, [](auto& one) { return is_good(one.second); });
    int code = k_exit_good;
    if (!quiet || !all_good) code = finish(answers, as_json, to, print_applied);
    if (!given.auto_confirm) {
        if (code == k_exit_good && !as_json)
            to.out << "Confirm it in time, with the same --fleet and --on: wharfctl config "
                      "confirm\n";
        return code;
    }
    std::map<std::string, std::uint64_t> wanted;
    for (const auto& [name, answer] : answers->by_name)
        if (is_good(answer)) wanted.emplace(name, number_of(parsed(answer), "on_trial"));
    if (wanted.empty()) return code;
    const auto there = wait_for_trials(how, to, wanted);
    if (!there.ok()) return failed(to, there.failure());
    for (const auto& [name, version] : wanted)
        if (!there->contains(name)) {
            to.err << "wharfctl: " << printable(name) << ": was not seen with version " << version
                   << " on trial in time: it is not confirmed, and goes back by itself\n";
            code = k_exit_failed;
        }
    if (there->empty()) return code;
    const int confirmed = finish(ask_to_confirm(how, to, *there), as_json && all_good, to,
                                 [](const CommandReport& report, std::ostream& out) {
                                     out << "  " << printable(report.message()) << "\n";
                                 });
    return confirmed == k_exit_good ? code : confirmed;
}

} // namespace

Command get_config(const config_arguments& given) {
    Command out;
    out.mutable_configuration_get()->set_version(given.version.value_or(0));
    return out;
}

void print_config(const CommandReport& report, std::ostream& out) {
    const json said = parsed(report);
    out << "in effect: " << version_text(number_of(said, "in_effect"));
    if (flag_of(said, "on_trial"))
        out << ", on trial for " << number_of(said, "confirm_left_s") << " s more";
    out << "\nconfirmed: " << version_text(number_of(said, "confirmed")) << "\n";
    if (const auto problem = text_of(said, "problem"); !problem.empty())
        out << "problem:   " << printable(problem) << "\n";
    table rows({"version", "held", "at", "by", "reason", "sha256"});
    if (said.contains("kept") && said["kept"].is_array())
        for (const auto& one : said["kept"])
            if (one.is_object())
                rows.add({std::to_string(number_of(one, "version")),
                          flag_of(one, "held") ? "yes" : "no", printable(text_of(one, "at")),
                          printable(text_of(one, "by")), printable(text_of(one, "reason")),
                          printable(text_of(one, "sha256").substr(0, 16))});
    if (!rows.empty()) out << "\n" << rows.text();
    if (const auto overlay = text_of(said, "overlay"); !overlay.empty())
        out << "\noverlay of version " << number_of(said, "version") << ":\n"
            << printable_lines(overlay, "  ");
    out << "\nin all:\n" << printable_lines(text_of(said, "effective"), "  ");
    if (const auto left_out = text_of(said, "effective_left_out"); !left_out.empty())
        out << "  " << printable(left_out) << "\n";
}

void print_overlay(const CommandReport& report, std::ostream& out) {
    out << printable_lines(text_of(parsed(report), "overlay"), "");
}

int diff_config(const fleet_options& how, bool as_json, const console& to,
                const config_arguments& given) {
    const auto answers = ask_to_validate(how, to, given);
    bool same = true;
    const int code =
        finish(answers, as_json, to, [&same](const CommandReport& report, std::ostream& out) {
            const json said = parsed(report);
            if (!said.contains("changes") || !said["changes"].is_array()) return;
            for (const auto& one : said["changes"]) {
                if (!one.is_object()) continue;
                same = false;
                const auto key = printable(text_of(one, "key"));
                const auto before = printable(text_of(one, "before"));
                const auto after = printable(text_of(one, "after"));
                if (!before.empty()) out << "-" << key << " = " << before << "\n";
                if (!after.empty()) out << "+" << key << " = " << after << "\n";
            }
            if (same)
                out << "No difference.\n";
            else
                out << (flag_of(said, "live") ? "Live: no connection is dropped.\n"
                                              : "The gateway begins anew with it.\n");
        });
    if (code != k_exit_good) return code;
    if (as_json)
        for (const auto& [name, answer] : answers->by_name) {
            const json said = parsed(answer);
            same = same && said.contains("changes") && said["changes"].empty();
        }
    return same ? k_exit_good : k_exit_finding;
}

int validate_config(const fleet_options& how, bool as_json, const console& to,
                    const config_arguments& given) {
    return finish(ask_to_validate(how, to, given), as_json, to,
                  [](const CommandReport& report, std::ostream& out) {
                      const json said = parsed(report);
                      out << "Good: "
                          << (said.contains("changes") ? said["changes"].size() : std::size_t{0})
                          << " changes"
                          << (flag_of(said, "live") ? ", live.\n" : ", with a new run.\n");
                  });
}

int apply_config(const fleet_options& how, bool as_json, const console& to,
                 const config_arguments& given) {
    const auto overlay = read_overlay(given.file);
    if (!overlay.ok()) return failed(to, overlay.failure());
    const auto answers = order_each(how, to, [&](const GatewayState&) {
        Command out;
        auto& asked = *out.mutable_configuration_apply();
        asked.set_overlay(*overlay);
        asked.set_confirm_within_s(given.confirm_within_s);
        if (given.over_version) asked.set_over_version(*given.over_version);
        return out;
    });
    return follow_trial(how, as_json, to, given, answers);
}

int confirm_config(const fleet_options& how, bool as_json, const console& to,
                   const config_arguments& given) {
    const auto versions = versions_meant(how, to, given, true);
    if (!versions.ok()) return failed(to, versions.failure());
    if (versions->empty())
        return failed(to, {errc::not_found, "no gateway that fits says that anything is on trial"});
    const auto answers = ask_to_confirm(how, to, *versions);
    return finish(answers, as_json, to, [](const CommandReport& report, std::ostream& out) {
        out << "  " << printable(report.message()) << "\n";
    });
}

int revert_config(const fleet_options& how, bool as_json, const console& to,
                  const config_arguments& given) {
    bool back = true; // from a trial; or to an earlier version, on trial
    const auto versions = versions_meant(how, to, given, false);
    if (!versions.ok()) return failed(to, versions.failure());
    const auto answers = order_each(how, to, [&](const GatewayState& state) {
        const auto found = versions->find(name_of(state));
        if (found == versions->end()) return std::optional<Command>();
        std::optional<Command> out(std::in_place);
        auto& asked = *out->mutable_configuration_revert();
        asked.set_version(found->second);
        asked.set_confirm_within_s(given.confirm_within_s);
        return out;
    });
    if (answers.ok())
        for (const auto& [name, answer] : answers->by_name)
            back = back && !parsed(answer).contains("on_trial");
    if (!back) return follow_trial(how, as_json, to, given, answers);
    return finish(answers, as_json, to, [](const CommandReport& report, std::ostream& out) {
        out << "  " << printable(report.message()) << "\n";
    });
}

int find_config_drift(const fleet_options& how, bool as_json, const console& to,
                      const config_arguments& given) {
    const auto overlay = read_overlay(given.file);
    if (!overlay.ok()) return failed(to, overlay.failure());
    const auto seen = look_at_fleet(how, to);
    if (!seen.ok()) return failed(to, seen.failure());
    if (seen->empty()) return failed(to, {errc::not_found, "no gateway fits"});
    const std::string wanted = digest_of(*overlay);
    table rows({"gateway", "runs", "drift", "why"});
    json all = json::array();
    bool good = true;
    for (const gateway_view& one : *seen) {
        const GatewayState& state = one.state;
        const bool same = one.complaint.empty() && state.configuration_overlay() == wanted;
        good = good && same;
        const std::string why = !one.complaint.empty() ? one.complaint
                                : on_trial(state) != 0 ? std::string("on trial")
                                                       : state.configuration_problem();
        rows.add({printable(one.name), version_text(state.configuration_version()),
                  same ? "no" : "yes", printable(why)});
        all.push_back({{"gateway", one.name},
                       {"version", state.configuration_version()},
                       {"overlay_sha256", to_hex(state.configuration_overlay())},
                       {"effective_sha256", to_hex(state.configuration())},
                       {"drift", !same},
                       {"on_trial", on_trial(state) != 0},
                       {"problem", state.configuration_problem()},
                       {"complaint", one.complaint}});
    }
    if (as_json)
        to.out << all.dump(2, ' ', false, json::error_handler_t::replace) << "\n";
    else
        to.out << rows.text();
    return good ? k_exit_good : k_exit_finding;
}

} // namespace wharf::ctl
