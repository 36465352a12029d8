#include "firmware/ctl/stock_words.hpp"

#include "firmware/ctl/sight.hpp"
#include "gateway/base/lane.hpp"
#include "gateway/base/limits.hpp"

#include <algorithm>
#include <functional>

namespace wharf::ctl {

namespace {

using wharf::v1::Command;

constexpr const char* k_trace_more = R"(
Examples:
  wharfctl trace --event-id a-1
  wharfctl trace --shipment 00340123450000000018 --json
  wharfctl --fleet fleet.toml --on gateway=dock-7 trace --order SO-7

Of a duplicate there is nothing to be found: it is counted and not kept.
)";

// A verb for this machine's daemon and for the fleet alike.
template <class Fill>
void order_verb(CLI::App& to, fleet_arguments& given, verb& chosen, fleet_form& form, Fill fill,
                answer_printer print = {}) {
    to.callback([&given, &chosen, &form, fill, print] {
        chosen = here_or_over_the_fleet(given, form);
        form = {[fill] {
                    Command out;
                    fill(out);
                    return result<Command>(std::move(out));
                },
                print};
    });
}

void add_destination(CLI::App& to, fleet_arguments& given) {
    to.add_option("destination", given.destination, "Its name")->required()->type_name("NAME");
}

void add_lane(CLI::App& to, std::string& into, const char* what) {
    std::vector<std::string> names(k_lane_names.begin(), k_lane_names.end());
    to.add_option("--lane", into, what)->type_name("LANE")->check(CLI::IsMember(names));
}

void add_pausing(CLI::App& app, fleet_arguments& given, stock_arguments& stock, verb& chosen,
                 fleet_form& form) {
    auto* pause = app.add_subcommand(
        "pause", "Send nothing to a destination, also after a restart, until it is resumed");
    add_destination(*pause, given);
    add_lane(*pause, stock.lane, "Only what is in this lane");
    order_verb(*pause, given, chosen, form, [&](Command& out) {
        out.mutable_pause()->set_destination(given.destination);
        out.mutable_pause()->set_lane(stock.lane);
    });
    auto* resume =
        app.add_subcommand("resume", "Let a destination that stopped or was paused go on");
    add_destination(*resume, given);
    add_lane(*resume, stock.lane, "Only this lane, which was paused alone");
    resume->callback([&] {
        chosen = [&](const places& at, const console& to) {
            return resume_destination(at, to, given.destination, stock.lane);
        };
        form = {[&] {
                    Command out;
                    out.mutable_resume()->set_destination(given.destination);
                    out.mutable_resume()->set_lane(stock.lane);
                    return result<Command>(std::move(out));
                },
                {}};
    });
    auto* limit = app.add_subcommand(
        "rate-limit", "Send a destination at most so many requests a second, for a while");
    add_destination(*limit, given);
    limit->add_option("requests", stock.requests_per_s, "Per second; 0: as fast as it takes them")
        ->required()
        ->type_name("N")
        ->check(CLI::Range(std::uint32_t{0}, limits::k_requests_per_s_max));
    limit->add_option("--seconds", stock.seconds, "For so long (600), at most until a restart")
        ->type_name("S")
        ->check(CLI::Range(std::uint32_t{1}, limits::k_rate_limit_s_max));
    order_verb(*limit, given, chosen, form, [&](Command& out) {
        out.mutable_rate_limit()->set_destination(given.destination);
        out.mutable_rate_limit()->set_requests_per_s(stock.requests_per_s);
        out.mutable_rate_limit()->set_seconds(stock.seconds);
    });
}

void add_trace(CLI::App& app, stock_arguments& stock, verb& chosen, fleet_form& form) {
    auto* trace = app.add_subcommand(
        "trace", "An event's way: arrival, identity, where each destination stands with it");
    trace->footer(k_trace_more);
    const auto text = [&](const char* name, const char* what, auto set) {
        trace
            ->add_option_function<std::string>(
                name,
                [&stock, set](const std::string& value) {
                    set(stock.trace, value);
                    ++stock.trace_by;
                },
                what)
            ->type_name("ID");
    };
    trace
        ->add_option_function<std::uint64_t>(
            "--number",
            [&stock](std::uint64_t value) {
                stock.trace.set_sequence(value);
                ++stock.trace_by;
            },
            "The event's number in the journal")
        ->type_name("NUMBER");
    text("--event-id", "The id that its source gave it",
         [](auto& to, auto& value) { to.set_event_id(value); });
    text("--correlation-id", "What belongs together by its source's word",
         [](auto& to, auto& value) { to.set_correlation_id(value); });
    text("--shipment", "A shipment, a package or its SSCC",
         [](auto& to, auto& value) { to.set_shipment(value); });
    text("--order", "A document by its name, or the 16 digits of an ordering key",
         [](auto& to, auto& value) { to.set_order_key(value); });
    trace
        ->add_option_function<std::uint32_t>(
            "--limit", [&stock](std::uint32_t value) { stock.trace.set_count_max(value); },
            "At most so many, the newest (20)")
        ->type_name("COUNT")
        ->check(CLI::Range(std::size_t{1}, limits::k_trace_events_max));
    trace->callback([&] {
        if (stock.trace_by != 1)
            throw CLI::ValidationError("trace", "expected one of --number, --event-id, "
                                                "--correlation-id, --shipment and --order");
        chosen = [&](const places& at, const console& to) {
            return show_trace(at, to, stock.trace);
        };
        form = {[&] {
                    Command out;
                    *out.mutable_trace() = stock.trace;
                    return result<Command>(std::move(out));
                },
                print_trace};
    });
}

void add_release(CLI::App& app, fleet_arguments& given, stock_arguments& stock, verb& chosen,
                 fleet_form& form) {
    auto* release = app.get_subcommand("quarantine")
                        ->add_subcommand("release", "Read one again, as if it had just arrived, "
                                                    "once its cause is mended");
    release->add_option("number", stock.number, "Its number, from quarantine list")
        ->required()
        ->type_name("NUMBER");
    order_verb(
        *release, given, chosen, form,
        [&](Command& out) { out.mutable_quarantine_release()->set_number(stock.number); },
        print_message);
}

void add_seeing(CLI::App& app, fleet_arguments& given, stock_arguments& stock, verb& chosen,
                fleet_form& form) {
    auto* tail = app.add_subcommand("log-tail", "Lines of a gateway's log as they are written; "
                                                "over the fleet alone");
    tail->add_option("--level", stock.level, "From this level on (info)")
        ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
    tail->add_option("--seconds", stock.tail_s, "For so long (60)")
        ->type_name("S")
        ->check(CLI::Range(std::uint32_t{1}, limits::k_log_tail_s_max));
    tail->callback([&] {
        constexpr std::uint32_t k_grace_s = 15;
        chosen = only_over_the_fleet;
        given.how.timeout_s = std::max(given.how.timeout_s, stock.tail_s + k_grace_s);
        given.how.progress = print_log_lines;
        form = {[&] {
                    Command out;
                    out.mutable_log_tail()->set_level(stock.level);
                    out.mutable_log_tail()->set_seconds(stock.tail_s);
                    return result<Command>(std::move(out));
                },
                print_log_end};
    });
    auto* bundle = app.add_subcommand("support-bundle", "What who helps from afar asks for first, "
                                                        "in a file; no secret is in it");
    bundle
        ->add_option("file", stock.file,
                     "A file that is not there yet; - for standard output. Over the fleet: the "
                     "beginning of the names of files, one for each gateway")
        ->required()
        ->type_name("FILE");
    bundle->callback([&] {
        chosen = [&](const places& at, const console& to) {
            return save_bundle(at, to, stock.file);
        };
        form = {[] {
                    Command out;
                    out.mutable_support_bundle();
                    return result<Command>(std::move(out));
                },
                bundle_saver(stock.file)};
    });
}

} // namespace

void add_stock(CLI::App& app, fleet_arguments& given, stock_arguments& stock, verb& chosen,
               fleet_form& form) {
    add_pausing(app, given, stock, chosen, form);
    add_trace(app, stock, chosen, form);
    add_release(app, given, stock, chosen, form);
    add_seeing(app, given, stock, chosen, form);
}

} // namespace wharf::ctl
