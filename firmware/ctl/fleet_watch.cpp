#include "firmware/ctl/fleet.hpp"
#include "firmware/ctl/fleet_link.hpp"
#include "firmware/ctl/fleet_select.hpp"
#include "firmware/ctl/interrupt.hpp"
#include "firmware/views/words.hpp"
#include "gateway/base/text.hpp"
#include "gateway/platform/system_clock.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <map>
#include <ostream>

namespace wharf::ctl {

namespace {

using json = nlohmann::ordered_json;
using namespace wharf::v1;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How often an interrupt is looked for.
constexpr auto k_look = milliseconds(200);

class watch {
  public:
    watch(const fleet_options& how, bool as_json, const console& to)
        : how_(how), as_json_(as_json), to_(to) {}

    result<int> run(std::uint32_t seconds_max);

  private:
    void health_of(const std::string& name, const gateway_seen& seen, bool first);
    void print_event(const std::string& name, const GatewayEvent& event);
    [[nodiscard]] bool is_meant(const gateway_seen& seen) const;
    void print(const json& row, const std::string& words);

    const fleet_options& how_;
    bool as_json_;
    console to_;
    std::map<std::string, std::string> health_; // as it was printed last
};

bool watch::is_meant(const gateway_seen& seen) const {
    const auto fit = fits(seen.state, how_.on);
    return fit.ok() && *fit; // selectors that make no sense were refused at first
}

// Who reads it with a program gets each line when it is so.
void watch::print(const json& row, const std::string& words) {
    if (as_json_)
        to_.out << row.dump(-1, ' ', false, json::error_handler_t::replace) << "\n" << std::flush;
    else
        to_.out << words << "\n" << std::flush;
}

// At first only what is not well is said.
void watch::health_of(const std::string& name, const gateway_seen& seen, bool first) {
    const std::string now = seen.complaint.empty() ? seen.state.health() : "not believed";
    std::string& last = health_[name];
    if (last == now) return;
    const std::string before = std::exchange(last, now);
    if (!is_meant(seen) || (first && now == "ok")) return;
    const std::string why = !seen.complaint.empty()         ? seen.complaint
                            : seen.state.reasons_size() > 0 ? seen.state.reasons(0)
                                                            : "";
    const std::string at =
        time_text(seen.complaint.empty() ? seen.state.at_us() : system_clock().wall_us());
    print({{"kind", "health"},
           {"at", at},
           {"site", seen.state.site()},
           {"gateway", seen.state.gateway()},
           {"health", now},
           {"before", before},
           {"why", why}},
          at + "  " + printable(name) + "  health  " +
              (before.empty() ? "" : printable(before) + " -> ") + printable(now) +
              (why.empty() ? "" : ": " + printable(why)));
}

void watch::print_event(const std::string& name, const GatewayEvent& event) {
    const std::string at = time_text(event.at_us());
    const std::string became = event.raised() ? event.severity() : "over";
    print({{"kind", "event"},
           {"at", at},
           {"site", event.site()},
           {"gateway", event.gateway()},
           {"number", event.number()},
           {"code", event.code()},
           {"subject", event.subject()},
           {"severity", event.severity()},
           {"raised", event.raised()},
           {"text", event.text()}},
          at + "  " + printable(name) + "  " + printable(became) + "  " + printable(event.code()) +
              (event.subject().empty() ? "" : " " + printable(event.subject())) + ": " +
              printable(event.text()));
}

result<int> watch::run(std::uint32_t seconds_max) {
    WHARF_TRY_ASSIGN(auto link, fleet_link::reach(how_, to_, true));
    WHARF_TRY_ASSIGN(const auto names, link.select(how_.on)); // or what is wrong with --on
    WHARF_TRY(link.follow());
    for (const auto& [name, seen] : link.gateways())
        health_of(name, seen, true);
    to_.err << "Following " << names.size() << (names.size() == 1 ? " gateway" : " gateways")
            << "; Ctrl-C ends it.\n"
            << std::flush;
    note_interrupts();
    const auto end = clock::now() + std::chrono::seconds(seconds_max);
    while (!interrupted() && (seconds_max == 0 || clock::now() < end)) {
        WHARF_TRY_ASSIGN(const auto news, link.pump(k_look));
        if (!news.state_of.empty())
            health_of(news.state_of, link.gateways().at(news.state_of), false);
        if (!news.event_of.empty() && is_meant(link.gateways().at(news.event_of)))
            print_event(news.event_of, news.event);
        if (!to_.out.good()) return error{errc::io, "what was to be printed cannot be written"};
    }
    WHARF_TRY(link.remember());
    return int{k_exit_good};
}

} // namespace

int watch_fleet(const fleet_options& how, bool as_json, const console& to,
                std::uint32_t seconds_max) {
    const auto out = watch(how, as_json, to).run(seconds_max);
    return out.ok() ? *out : failed(to, out.failure());
}

} // namespace wharf::ctl
