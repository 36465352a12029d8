// wharfctl: the operator's tool. Reads the command line, finds out where the journal and the daemon
// are, and runs one verb.
#include "firmware/ctl/config_words.hpp"
#include "firmware/ctl/device_words.hpp"
#include "firmware/ctl/fleet_words.hpp"
#include "firmware/ctl/keys_words.hpp"
#include "firmware/ctl/machine_words.hpp"
#include "firmware/ctl/rollout_words.hpp"
#include "firmware/ctl/stock_words.hpp"
#include "firmware/ctl/verbs.hpp"
#include "gateway/config/parse.hpp"
#include "gateway/observe/books.hpp"

#include <CLI/CLI.hpp>

#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <limits>
#include <optional>

namespace {

using namespace wharf;
using namespace wharf::ctl;

constexpr const char* k_default_config = "/etc/wharf/wharf.toml";

constexpr const char* k_about = "Looks at a Wharf gateway and helps it along.";
constexpr const char* k_more = R"(
Examples:
  wharfctl status                      how the gateway is doing, and why
  wharfctl books                       every event accounted for
  wharfctl dead list                   what the ERP refused
  wharfctl dead show 1234              one of them, in plain words
  wharfctl dead retry 1234             once the cause is mended in the ERP
  wharfctl dead discard 1234 --reason "counted twice, see ticket 77"
  wharfctl quarantine show 7           a message that could not be read
  wharfctl resume erp                  after new credentials
  wharfctl trace --event-id a-1        one event's way, stage by stage
  wharfctl device add scanner-07 --generate
                                       let a device sign in
  wharfctl --journal /mnt/copy journal verify
  wharfctl --journal /mnt/old journal export old.export
                                       what a broken gateway held, for a spare
  wharfctl journal import old.export --into /var/lib/wharf/journal
                                       take it over, wharfd stopped

Reading works without the daemon, on its journal or on a copy of it (--journal). retry, discard,
release, pause, resume, rate-limit, support-bundle and status ask the running daemon; passwd and
device change the identities file and tell it. export and import want it stopped.

Exit codes: 0 done; 1 done, and what was found is not good (books that do not balance, a failing
gateway, a damaged journal); 2 the command line makes no sense; 3 it could not be done.
)";

struct arguments {
    std::string config_file;
    std::string journal;
    std::string socket;
    bool json = false;
    std::string destination;
    std::string reason;
    std::uint64_t number = 0;
    std::uint64_t from = 0;
    std::uint64_t to = std::numeric_limits<std::uint64_t>::max();
    bool undelivered = false;
    std::string export_file;
    import_options importing;
    page_options page;
    bool waiting = false;
    device_options device;
    std::string identities_file;
    fleet_arguments fleet;
    config_arguments configuring;
    rollout_arguments rolling_out;
    stock_arguments stock;
    machine_arguments machine;
    keys_arguments keys;
};

result<places> find_places(const arguments& given) {
    places out;
    out.json = given.json;
    out.journal = given.journal;
    out.journal_named = !given.journal.empty();
    out.journal_mb = journal_config{}.size_max_mb;
    out.identities = given.identities_file;
    out.socket = given.socket.empty() ? admin_config{}.socket : given.socket;
    bool named = !given.config_file.empty();
    // Nothing is left that a configuration could say, so a wrong one is no hindrance.
    if (!named && !given.journal.empty() && !given.socket.empty()) return out;
    auto file = named ? given.config_file : k_default_config;
    std::ifstream in(file, std::ios::binary);
    if (!in) {
        if (named) return error{errc::not_found, "cannot read " + file};
        return out; // the defaults, and what the command line says
    }
    std::string text;
    for (std::istreambuf_iterator<char> at(in), end;
         at != end && text.size() <= limits::k_config_bytes_max; ++at)
        text += *at;
    WHARF_TRY_ASSIGN(auto parsed, parse_config(text, file));
    if (given.journal.empty()) out.journal = parsed.journal.path;
    if (given.socket.empty()) out.socket = parsed.admin.socket;
    out.own = std::move(text);
    out.own_name = file;
    out.gateway = parsed.gateway.name;
    out.journal_mb = parsed.journal.size_max_mb;
    if (given.identities_file.empty())
        out.identities = in_effect(std::move(parsed), out).access.identities;
    return out;
}

void add_page(CLI::App& to, arguments& given) {
    to.add_option("--after", given.page.after, "Only those with a larger number")
        ->type_name("NUMBER");
    to.add_option("--limit", given.page.count_max, "At most so many (100)")
        ->type_name("COUNT")
        ->check(CLI::Range(1, 100'000));
}

void add_number(CLI::App& to, arguments& given, const char* what) {
    to.add_option("number", given.number, what)->required()->type_name("NUMBER");
}

// Why something is given up: said by the person who does it.
void add_reason(CLI::App& to, arguments& given) {
    to.add_option("--reason", given.reason, "Why, for those who ask later")
        ->required()
        ->type_name("TEXT")
        ->check([](const std::string& text) {
            bool good = !text.empty() && text.size() <= limits::k_text_bytes_max;
            return good ? std::string{} : std::string("expected 1 to 256 bytes of text");
        });
}

// A verb's form over the fleet: what it orders, made when everything is parsed.
template <class Fill> fleet_form ordered(arguments& given, Fill fill, answer_printer print = {}) {
    return {[&given, fill] {
                wharf::v1::Command out;
                fill(given, out);
                given.fleet.how.reason = given.reason;
                return result<wharf::v1::Command>(std::move(out));
            },
            std::move(print)};
}

// As it came.
void print_json(const wharf::v1::CommandReport& report, std::ostream& out) {
    out << report.json() << "\n";
}

void print_books(const wharf::v1::CommandReport& report, std::ostream& out) {
    auto books = observe::books_from_json(report.json());
    if (books.ok())
        out << observe::books_table(*books);
    else
        print_json(report, out);
}

void add_dead(CLI::App& app, arguments& given, verb& chosen, fleet_form& form) {
    auto* dead = app.add_subcommand("dead", "Updates that the ERP refused: dead letters");
    dead->require_subcommand(1);
    auto destination = [&given](CLI::App* of) {
        of->add_option("--destination", given.destination, "Only at this destination")
            ->type_name("NAME");
    };
    auto* list = dead->add_subcommand("list", "All of them, with the ERP's words");
    add_page(*list, given);
    destination(list);
    list->add_flag("--waiting", given.waiting, "Also what is held back by them");
    list->callback([&] {
        chosen = [&given](auto& at, auto& to) {
            return list_dead(at, to, {given.page, given.destination, given.waiting});
        };
        form = ordered(
            given,
            [](const arguments& with, auto& out) {
                out.mutable_dead_list()->set_destination(with.destination);
                out.mutable_dead_list()->set_after(with.page.after);
                out.mutable_dead_list()->set_count_max(
                    static_cast<std::uint32_t>(with.page.count_max));
            },
            rows_of({{"number", "/number"},
                     {"destination", "/destination"},
                     {"state", "/state"},
                     {"what happened", "/what"},
                     {"why", "/message"}},
                    "No dead letters."));
    });
    auto* show = dead->add_subcommand("show", "One of them: the ERP's words, event, item, device");
    add_number(*show, given, "Its number, from dead list");
    destination(show);
    show->callback([&] {
        chosen = [&given](auto& at, auto& to) {
            return show_dead(at, to, given.destination, given.number);
        };
    });
    auto* retry = dead->add_subcommand("retry", "Bring it to the ERP once more");
    add_number(*retry, given, "Its number, from dead list");
    destination(retry);
    retry->callback([&] {
        chosen = [&given](auto& at, auto& to) {
            return retry_dead(at, to, given.destination, given.number);
        };
        form = ordered(given, [](const arguments& with, auto& out) {
            out.mutable_dead_retry()->set_destination(with.destination);
            out.mutable_dead_retry()->set_number(with.number);
        });
    });
    auto* discard = dead->add_subcommand("discard", "Give it up for good; the books keep count");
    add_number(*discard, given, "Its number, from dead list");
    destination(discard);
    add_reason(*discard, given);
    discard->callback([&] {
        chosen = [&given](auto& at, auto& to) {
            return discard_dead(at, to, given.destination, given.number, given.reason);
        };
        form = ordered(given, [](const arguments& with, auto& out) {
            out.mutable_dead_discard()->set_destination(with.destination);
            out.mutable_dead_discard()->set_number(with.number);
        });
    });
}

void add_quarantine(CLI::App& app, arguments& given, verb& chosen, fleet_form& form) {
    auto* quarantine =
        app.add_subcommand("quarantine", "Messages that could not be read or that contradict");
    quarantine->require_subcommand(1);
    auto* list = quarantine->add_subcommand("list", "All of them, with the reason");
    add_page(*list, given);
    list->callback([&] {
        chosen = [&given](auto& at, auto& to) { return list_quarantined(at, to, given.page); };
        form = ordered(
            given,
            [](const arguments& with, auto& out) {
                out.mutable_quarantine_list()->set_after(with.page.after);
                out.mutable_quarantine_list()->set_count_max(
                    static_cast<std::uint32_t>(with.page.count_max));
            },
            rows_of({{"number", "/number"},
                     {"received at", "/received_at"},
                     {"device", "/device"},
                     {"reason", "/reason"},
                     {"detail", "/detail"}},
                    "Nothing in quarantine."));
    });
    auto* show = quarantine->add_subcommand("show", "One of them, with its bytes");
    add_number(*show, given, "Its number, from quarantine list");
    show->callback([&] {
        chosen = [&given](auto& at, auto& to) { return show_quarantined(at, to, given.number); };
        form = ordered(
            given,
            [](const arguments& with, auto& out) {
                out.mutable_quarantine_show()->set_number(with.number);
            },
            print_json);
    });
    auto* discard = quarantine->add_subcommand(
        "discard", "Give one up for good, so that its space is free; the books keep count");
    add_number(*discard, given, "Its number, from quarantine list");
    add_reason(*discard, given);
    discard->callback([&] {
        chosen = [&given](auto& at, auto& to) {
            return discard_quarantined(at, to, given.number, given.reason);
        };
        form = ordered(given, [](const arguments& with, auto& out) {
            out.mutable_quarantine_discard()->set_number(with.number);
        });
    });
}

void add_import(CLI::App& journal, arguments& given, verb& chosen) {
    auto* in = journal.add_subcommand(
        "import", "Take over an exported journal: check it and make it anew in a folder");
    in->add_option("file", given.importing.file, "The export; - for standard input")
        ->required()
        ->type_name("FILE");
    in->add_option("--into", given.importing.into, "The folder, in which no journal may be")
        ->required()
        ->type_name("DIR");
    in->add_option("--takeover", given.importing.takeover,
                   "Its number, where one more than the export's is taken by a lost spare")
        ->type_name("NUMBER")
        ->check(CLI::Range(1U, std::numeric_limits<std::uint32_t>::max()));
    in->add_option("--size-mb", given.importing.size_mb, "The journal's size (as configured)")
        ->type_name("MIB")
        ->check(CLI::Range(limits::k_journal_mb_min, limits::k_journal_mb_max));
    in->callback([&] {
        chosen = [&given](auto& at, auto& to) {
            return import_journal_from(at, to, given.importing);
        };
    });
}

void add_journal(CLI::App& app, arguments& given, verb& chosen) {
    auto* journal = app.add_subcommand("journal", "The journal itself, live or a copy");
    journal->require_subcommand(1);
    journal->add_subcommand("verify", "Check every record and the totals")->callback([&] {
        chosen = verify_journal;
    });
    journal->add_subcommand("stat", "What is in it and how full it is")->callback([&] {
        chosen = show_journal;
    });
    auto* dump = journal->add_subcommand("dump", "Accepted events, one a line");
    dump->add_option("--from", given.from, "The first number")->type_name("NUMBER");
    dump->add_option("--to", given.to, "The last number")->type_name("NUMBER");
    dump->add_flag("--undelivered", given.undelivered,
                   "Only what a destination has still to take, with its idempotency key");
    dump->callback([&] {
        chosen = [&given](auto& at, auto& to) {
            return dump_journal(at, to, {given.from, given.to, given.undelivered});
        };
    });
    auto* out = journal->add_subcommand(
        "export", "Write all of a stopped gateway's journal to a file, for a spare to take over");
    out->add_option("file", given.export_file,
                    "A file that is not there yet; - for standard output")
        ->required()
        ->type_name("FILE");
    out->callback([&] {
        chosen = [&given](auto& at, auto& to) {
            return export_journal_to(at, to, given.export_file);
        };
    });
    add_import(*journal, given, chosen);
}

int run(int argc, char** argv) {
    CLI::App app{k_about, "wharfctl"};
    app.footer(k_more);
    app.require_subcommand(1);
    app.fallthrough();
    app.set_version_flag("--version", "wharfctl " WHARF_VERSION);
    arguments given;
    verb chosen;
    fleet_form form;
    app.add_option("--config", given.config_file,
                   "The daemon's configuration (" + std::string(k_default_config) + ")")
        ->type_name("FILE");
    app.add_option("--journal", given.journal,
                   "This journal, live or a copy; do not ask the daemon")
        ->type_name("DIR");
    app.add_option("--socket", given.socket, "The daemon's socket")->type_name("PATH");
    app.add_option("--because", given.reason, "Why an order is given, for the audit trail")
        ->type_name("TEXT");
    app.add_flag("--json", given.json, "JSON instead of tables");
    app.add_subcommand("books", "Every event accounted for: both equations")->callback([&] {
        chosen = show_books;
        form = ordered(
            given, [](auto&, auto& out) { out.mutable_books(); }, print_books);
    });
    app.add_subcommand("status", "How the running gateway is doing, and why")->callback([&] {
        chosen = show_status;
        form = ordered(
            given, [](auto&, auto& out) { out.mutable_status(); }, print_json);
    });
    add_quarantine(app, given, chosen, form);
    add_dead(app, given, chosen, form);
    add_stock(app, given.fleet, given.stock, chosen, form);
    add_journal(app, given, chosen);
    add_devices(app, given.fleet, given.device, given.identities_file, chosen, form);
    add_fleet_options(app, given.fleet);
    add_fleet(app, given.fleet, chosen, form);
    add_config(app, given.fleet, given.configuring, chosen, form);
    add_machine(app, given.fleet, given.machine, chosen, form);
    add_rollout(app, given.fleet, given.rolling_out, chosen, form);
    add_keys(app, given.fleet, given.keys, chosen, form);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& wrong) {
        return app.exit(wrong) == 0 ? k_exit_good : k_exit_usage;
    }
    console to{std::cout, std::cerr};
    given.fleet.how.reason = given.reason;
    if (given.json) given.fleet.how.progress = nullptr; // it stands beside the answer
    if (!given.fleet.how.config_file.empty() && form.command) {
        auto command = form.command();
        if (!command.ok()) return failed(to, command.failure());
        return order_fleet(given.fleet.how, given.json, to, *command, form.print);
    }
    if (!given.fleet.how.config_file.empty() && !given.fleet.verb)
        return failed(to, {errc::unsupported,
                           "this cannot be asked over the fleet: on the gateway itself, without "
                           "--fleet"});
    auto at = find_places(given);
    if (!at.ok()) return failed(to, at.failure());
    return chosen(*at, to);
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& unexpected) {
        std::cerr << "wharfctl: " << unexpected.what() << "\n";
        return k_exit_failed;
    }
}
