// chaos-publisher: many simulated devices in one process, each a Paho client of its own. Prints a
// JSON line five times a second and one at the end; each device writes its witness log.
//
// SIGTERM: no new events, then wait until all is acknowledged. Exit: 0 everything acknowledged,
// 3 not within --drain-s.
#include "tests/chaos/metronome.hpp"
#include "tests/chaos/publisher_client.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>

namespace {

using namespace chaos;
using clock_type = publisher_client::clock;

std::atomic<bool> g_stop{false};

struct options {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;
    std::string witness_dir;
    std::string site = "ber1";
    std::string run = "r0";
    std::size_t clients = 12;
    std::size_t wms = 1;
    std::uint64_t events = 0;
    std::uint64_t first_sequence = 1;
    std::uint64_t seed = 1;
    double rate = 0;
    std::size_t window = 20;
    double bad_share = 0.02;
    double duplicate_share = 0.05;
    unsigned drain_s = 60;
};

void add_options(CLI::App& app, options& o) {
    app.add_option("--host", o.host, "IPv4 address of the listener");
    app.add_option("--port", o.port, "Its port")->required();
    app.add_option("--witness", o.witness_dir, "Directory of the witness logs")->required();
    app.add_option("--site", o.site, "Site of the topics");
    app.add_option("--run", o.run, "Part of every event id: no two runs share ids");
    app.add_option("--clients", o.clients, "Devices")->check(CLI::Range(1, 500));
    app.add_option("--wms", o.wms, "How many of them are a WMS instead of a scanner");
    app.add_option("--events", o.events, "Good events per device; 0: until SIGTERM");
    app.add_option("--first-sequence", o.first_sequence, "Of the device sequence");
    app.add_option("--seed", o.seed, "Of everything drawn");
    app.add_option("--rate", o.rate, "Events per second and device; 0: as the window allows");
    app.add_option("--window", o.window, "Publications in flight per device")
        ->check(CLI::Range(1, 100));
    app.add_option("--bad", o.bad_share, "Share of bad events");
    app.add_option("--duplicates", o.duplicate_share, "Share of publications sent twice");
    app.add_option("--drain-s", o.drain_s, "How long to wait for the last acknowledgements");
}

std::unique_ptr<publisher_client> make_client(const options& o, std::size_t index) {
    const bool wms = index >= o.clients - std::min(o.wms, o.clients);
    char number[16];
    std::snprintf(number, sizeof number, "%02zu",
                  wms ? index - (o.clients - o.wms) + 1 : index + 1);
    const std::string device = std::string(wms ? "wms-" : "scanner-") + number;
    client_options c;
    c.host = o.host;
    c.port = o.port;
    c.client_id = device;
    c.witness_path = o.witness_dir + "/" + device + ".log";
    // Protocol, QoS and codec are mixed so that every combination occurs among eight devices.
    c.mqtt5 = (index & 1U) != 0;
    c.window = o.window;
    c.events_per_s = o.rate;
    c.duplicate_share = o.duplicate_share;
    c.seed = o.seed * 1000 + index;
    workload_options w;
    w.site = o.site;
    w.device = device;
    w.run = o.run;
    w.first_sequence = o.first_sequence;
    w.seed = c.seed ^ 0x5bd1e995;
    w.events_max = o.events;
    w.qos = (index & 2U) != 0 ? 2 : 1;
    w.protobuf = (index & 4U) != 0;
    w.wms = wms;
    w.bad_share = o.bad_share;
    w.conflict_share = o.bad_share / 2;
    return std::make_unique<publisher_client>(std::move(c), std::move(w));
}

using clients = std::vector<std::unique_ptr<publisher_client>>;

void report(const clients& all, const char* state) {
    client_tally sum;
    for (const auto& client : all) {
        const client_tally& t = client->tally();
        sum.sent += t.sent;
        sum.acknowledged += t.acknowledged;
        sum.duplicates += t.duplicates;
        sum.bad += t.bad;
        sum.resent += t.resent;
        sum.refused += t.refused;
        sum.connections += t.connections;
        sum.sessions_lost += t.sessions_lost;
    }
    const auto figure = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
    std::printf("{\"state\":\"%s\",\"sent\":%llu,\"acknowledged\":%llu,\"duplicates\":%llu,"
                "\"bad\":%llu,\"resent\":%llu,\"refused\":%llu,\"connections\":%llu,"
                "\"sessions_lost\":%llu}\n",
                state, figure(sum.sent), figure(sum.acknowledged), figure(sum.duplicates),
                figure(sum.bad), figure(sum.resent), figure(sum.refused), figure(sum.connections),
                figure(sum.sessions_lost));
    std::fflush(stdout);
}

template <typename Question> bool all_of(const clients& all, Question question) {
    return std::all_of(all.begin(), all.end(), [&](const auto& c) { return question(*c); });
}

bool run(const clients& all, unsigned drain_s) {
    using namespace std::chrono_literals;
    auto next_report = clock_type::now() + 200ms;
    clock_type::time_point give_up{};
    for (;;) {
        const auto now = clock_type::now();
        for (const auto& client : all)
            client->tick(now, !g_stop);
        if (all_of(all, [](const auto& c) { return c.finished(); })) return true;
        if (g_stop && all_of(all, [](const auto& c) { return c.drained(); })) return true;
        if (g_stop && give_up == clock_type::time_point{}) {
            give_up = now + std::chrono::seconds(drain_s);
        }
        if (g_stop && now > give_up) return false;
        if (now >= next_report) {
            report(all, "running");
            next_report += 200ms;
        }
        std::this_thread::sleep_for(2ms);
    }
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("Simulated scanners and WMSs, each a real MQTT client", "chaos-publisher");
    options o;
    add_options(app, o);
    CLI11_PARSE(app, argc, argv);
    std::signal(SIGTERM, [](int) { g_stop = true; });
    std::signal(SIGINT, [](int) { g_stop = true; });
    const metronome awake;
    clients all;
    for (std::size_t i = 0; i < o.clients; ++i)
        all.push_back(make_client(o, i));
    const bool done = run(all, o.drain_s);
    for (const auto& client : all)
        client->disconnect();
    report(all, done ? "done" : "gave_up");
    return done ? 0 : 3;
}
