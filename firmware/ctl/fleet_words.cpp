#include "firmware/ctl/fleet_words.hpp"

#include "firmware/ctl/fleet_select.hpp"
#include "firmware/ctl/table.hpp"
#include "firmware/views/audit.hpp"
#include "gateway/base/bytes.hpp"
#include "gateway/base/text.hpp"
#include "gateway/platform/keys/key_file.hpp"

#include <nlohmann/json.hpp>

#include <ostream>

namespace wharf::ctl {

namespace {

using json = nlohmann::ordered_json;
using wharf::v1::Command;

constexpr const char* k_fleet_more = R"(
Examples:
  wharfctl --fleet fleet.toml fleet list
  wharfctl --fleet fleet.toml --on 'health=degraded' fleet list
  wharfctl --fleet fleet.toml --on tag=cold-store fleet watch
  wharfctl --fleet fleet.toml --on 'site=BER*' dead list
  wharfctl --fleet fleet.toml --on gateway=dock-7 --because "ticket 77" dead retry 1234 --destination erp

FILE says where the fleet broker is, which key signs and where the gateways' keys are kept that were
seen before: docs/fleet.md.
)";

result<Command> not_here() {
    return error{errc::unsupported, "this needs --fleet FILE"};
}

result<wharf::v1::Operator> operator_of(const fleet_arguments& given) {
    wharf::v1::Operator out;
    WHARF_TRY_ASSIGN(const auto key, read_public_key_file(given.key));
    out.set_name(given.name);
    out.set_public_key(key.der());
    out.set_role(given.role == "admin"      ? wharf::v1::OPERATOR_ROLE_ADMIN
                 : given.role == "operator" ? wharf::v1::OPERATOR_ROLE_OPERATOR
                                            : wharf::v1::OPERATOR_ROLE_VIEWER);
    return out;
}

void add_operators(CLI::App& app, fleet_arguments& given, verb& chosen, fleet_form& form) {
    auto* operators = app.add_subcommand("operators", "Who may order what from a gateway");
    operators->require_subcommand(1);
    operators->add_subcommand("show", "All of them")->callback([&] {
        chosen = here_or_over_the_fleet(given, form);
        form = {[] {
                    Command out;
                    out.mutable_operators_show();
                    return result<Command>(out);
                },
                [](const wharf::v1::CommandReport& report, std::ostream& out) {
                    const auto all = json::parse(report.json(), nullptr, false);
                    table rows({"name", "role", "key"});
                    if (all.is_object() && all.contains("operators"))
                        for (const auto& one : all["operators"])
                            rows.add({printable(one.value("name", "?")),
                                      printable(one.value("role", "?")),
                                      printable(one.value("key", "?"))});
                    out << rows.text();
                }};
    });
    auto* add = operators->add_subcommand("add", "One more, or another name or role for a key");
    add->add_option("name", given.name, "The operator's name")->required()->type_name("NAME");
    add->add_option("--key", given.key, "The public key, in PEM")->required()->type_name("FILE");
    add->add_option("--role", given.role, "viewer, operator or admin (viewer)")
        ->check(CLI::IsMember({"viewer", "operator", "admin"}));
    add->callback([&] {
        chosen = here_or_over_the_fleet(given, form);
        form = {[&given]() -> result<Command> {
                    Command out;
                    WHARF_TRY_ASSIGN(*out.mutable_operators_change()->add_add(),
                                     operator_of(given));
                    return out;
                },
                {}};
    });
    auto* remove = operators->add_subcommand("remove", "A key is obeyed no more");
    remove->add_option("fingerprint", given.key, "Of the key, from operators show")
        ->required()
        ->type_name("HEX");
    remove->callback([&] {
        chosen = here_or_over_the_fleet(given, form);
        form = {[&given]() -> result<Command> {
                    const auto key = from_hex(given.key);
                    if (!key) return error{errc::invalid, "expected a key's fingerprint"};
                    Command out;
                    out.mutable_operators_change()->add_remove(*key);
                    return out;
                },
                {}};
    });
}

void add_audit(CLI::App& app, fleet_arguments& given, verb& chosen, fleet_form& form) {
    auto* audit = app.add_subcommand("audit", "What was ordered from a gateway, by whom");
    audit->add_option("--after", given.after, "Only entries with a larger number")
        ->type_name("NUMBER");
    audit->add_option("--limit", given.count_max, "At most so many (100)")
        ->type_name("COUNT")
        ->check(CLI::Range(1, 1000));
    audit->callback([&] {
        chosen = here_or_over_the_fleet(given, form);
        form = {[&given] {
                    Command out;
                    out.mutable_audit_list()->set_after(given.after);
                    out.mutable_audit_list()->set_count_max(given.count_max);
                    return result<Command>(out);
                },
                rows_of({{"number", "/number"},
                         {"at", "/at"},
                         {"by", "/by"},
                         {"command", "/command"},
                         {"step", "/step"},
                         {"code", "/code"},
                         {"message", "/message"},
                         {"reason", "/reason"}},
                        "Nothing was ordered yet.")};
        given.how.objection = [](const wharf::v1::CommandReport& report,
                                 const wharf::v1::GatewayState& state) {
            const auto entries = json::parse(report.json(), nullptr, false);
            return trail_objection(entries, state.audit_number(), state.audit_head());
        };
    });
}

void add_others(CLI::App& app, fleet_arguments& given, verb& chosen, fleet_form& form) {
    auto* level = app.add_subcommand("log-level", "Let the log say more or less for a while");
    level->add_option("level", given.level, "trace, debug, info, warn or error")
        ->required()
        ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
    level->add_option("--seconds", given.seconds, "For so long (600)")
        ->type_name("S")
        ->check(CLI::Range(1, 86'400));
    level->callback([&] {
        chosen = here_or_over_the_fleet(given, form);
        form = {[&given] {
                    Command out;
                    out.mutable_log_level()->set_level(given.level);
                    out.mutable_log_level()->set_seconds(given.seconds);
                    return result<Command>(out);
                },
                {}};
    });
}

std::string cell(const json& row, const std::string& pointer) {
    const json::json_pointer at(pointer);
    if (!row.contains(at) || row[at].is_null()) return "";
    return printable(row[at].is_string() ? row[at].get<std::string>() : row[at].dump());
}

} // namespace

int only_over_the_fleet(const places&, const console& to) {
    return failed(to, not_here().failure());
}

// The verb's form is complete when it is run.
verb here_or_over_the_fleet(const fleet_arguments& given, const fleet_form& form) {
    return [&given, &form](const places& at, const console& to) {
        auto command = form.command();
        if (!command.ok()) return failed(to, command.failure());
        return order_here(at, given.how, to, std::move(*command), form.print);
    };
}

answer_printer rows_of(std::vector<std::pair<std::string, std::string>> columns,
                       std::string empty) {
    return [columns = std::move(columns),
            empty = std::move(empty)](const wharf::v1::CommandReport& report, std::ostream& out) {
        const auto all = json::parse(report.json(), nullptr, false);
        std::vector<std::string> heads;
        for (const auto& [head, pointer] : columns)
            heads.push_back(head);
        table rows(heads);
        if (all.is_array())
            for (const auto& one : all) {
                std::vector<std::string> cells;
                for (const auto& [head, pointer] : columns)
                    cells.push_back(cell(one, pointer));
                rows.add(std::move(cells));
            }
        if (rows.empty())
            out << empty << "\n";
        else
            out << rows.text();
    };
}

void add_fleet_options(CLI::App& app, fleet_arguments& given) {
    app.add_option("--fleet", given.how.config_file,
                   "Over the fleet broker that this file describes, not this machine's gateway")
        ->type_name("FILE");
    app.add_option("--on", given.how.on,
                   "Only gateways that fit: " + std::string(k_selectors) +
                       "; several have to fit together")
        ->type_name("SELECTOR")
        ->allow_extra_args(false);
    app.add_option("--timeout", given.how.timeout_s, "How long to wait for answers (30)")
        ->type_name("S")
        ->check(CLI::Range(1, 86'400));
    app.add_flag("--accept-changed-keys", given.how.accept_changed_keys,
                 "A gateway was replaced: believe its new key from now on");
}

void add_fleet(CLI::App& app, fleet_arguments& given, verb& chosen, fleet_form& form) {
    auto* fleet = app.add_subcommand("fleet", "The gateways of a fleet");
    fleet->footer(k_fleet_more);
    fleet->require_subcommand(1);
    fleet->add_subcommand("list", "All that say something of themselves, and how they are")
        ->callback([&] {
            form = {};
            given.verb = true;
            chosen = [&given](const places& at, const console& to) {
                if (given.how.config_file.empty()) return only_over_the_fleet(at, to);
                return list_fleet(given.how, at.json, to);
            };
        });
    auto* watch =
        fleet->add_subcommand("watch", "Alarms and changes of health as they come; Ctrl-C ends it");
    watch->add_option("--for", given.watch_s, "End after so long")
        ->type_name("S")
        ->check(CLI::Range(1, 31 * 86'400));
    watch->callback([&] {
        form = {};
        given.verb = true;
        chosen = [&given](const places& at, const console& to) {
            if (given.how.config_file.empty()) return only_over_the_fleet(at, to);
            return watch_fleet(given.how, at.json, to, given.watch_s);
        };
    });
    auto* key = app.add_subcommand("operator-key", "Make a key that signs an operator's commands");
    key->add_option("file", given.path, "Where it is kept")->required()->type_name("FILE");
    key->callback([&] {
        form = {};
        given.verb = true;
        chosen = [&given](const places&, const console& to) {
            return make_operator_key(given.path, to);
        };
    });
    add_operators(app, given, chosen, form);
    add_audit(app, given, chosen, form);
    add_others(app, given, chosen, form);
}

} // namespace wharf::ctl
