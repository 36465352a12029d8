// chaos-publisher: many simulated devices, each a process with a Paho client and a witness log of
// its own, as real devices are. (Several clients in one process disturb each other: when one of
// them reconnects, Paho C 1.3.12 repeats what all of them have in flight.) Prints a JSON line five
// times a second and one at the end.
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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace chaos;
using namespace std::chrono_literals;
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
    std::size_t states = 0;
    std::size_t references = 0;
    std::string name = "scanner";
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
    app.add_option("--states", o.states, "Besides: devices that change retained messages");
    app.add_option("--references", o.references, "Of each event: what makes it larger")
        ->check(CLI::Range(0, 16));
    app.add_option("--name", o.name, "Of the devices that are no WMS: its beginning");
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
    const bool state = index >= o.clients;
    const bool wms = !state && index >= o.clients - std::min(o.wms, o.clients);
    char number[24];
    std::snprintf(number, sizeof number, "%02zu",
                  state ? index - o.clients + 1
                  : wms ? index - (o.clients - o.wms) + 1
                        : index + 1);
    const std::string device = (state ? "state" : wms ? "wms" : o.name) + "-" + number;
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
    w.states = state;
    w.references = o.references;
    w.bad_share = o.bad_share;
    w.conflict_share = o.bad_share / 2;
    return std::make_unique<publisher_client>(std::move(c), std::move(w));
}

// One device's figures, written by its process and read by the first one.
struct figures {
    client_tally tally;
    std::atomic<bool> done{false};
};

void report(const figures* all, std::size_t count, const char* state) {
    client_tally sum;
    for (std::size_t i = 0; i < count; ++i) {
        const client_tally& t = all[i].tally;
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

bool drive(publisher_client& client, metronome& awake, figures& mine, unsigned drain_s) {
    clock_type::time_point give_up{};
    for (;;) {
        const auto now = clock_type::now();
        client.tick(now, !g_stop);
        awake.beat(!client.connected());
        mine.tally = client.tally();
        if (client.finished() || (g_stop && client.drained())) return true;
        if (g_stop && give_up == clock_type::time_point{}) {
            give_up = now + std::chrono::seconds(drain_s);
        }
        if (g_stop && now > give_up) return false;
        std::this_thread::sleep_for(2ms);
    }
}

int be_device(const options& o, std::size_t index, figures& mine) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == 1) return 1;
    metronome awake;
    const auto client = make_client(o, index);
    const bool done = drive(*client, awake, mine, o.drain_s);
    client->disconnect();
    mine.tally = client->tally();
    mine.done = done;
    return 0;
}

// Forks before Paho has started a thread.
std::vector<pid_t> start_devices(const options& o, figures* all) {
    std::vector<pid_t> devices;
    for (std::size_t i = 0; i < o.clients + o.states; ++i) {
        const pid_t child = fork();
        // Without the exit handlers: Paho C's own may wait for threads that are gone.
        if (child == 0) _exit(be_device(o, i, all[i]));
        if (child < 0) std::abort();
        devices.push_back(child);
    }
    return devices;
}

// Until all have ended; tells them once when this process is told to stop.
void wait_for(std::vector<pid_t> devices, const figures* all, std::size_t count) {
    bool told = false;
    for (auto next_report = clock_type::now(); !devices.empty(); std::this_thread::sleep_for(5ms)) {
        if (g_stop && !told) {
            for (const pid_t device : devices)
                kill(device, SIGTERM);
            told = true;
        }
        std::erase_if(devices, [](pid_t device) { return waitpid(device, nullptr, WNOHANG) != 0; });
        if (clock_type::now() < next_report) continue;
        report(all, count, "running");
        next_report += 200ms;
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
    const std::size_t devices = o.clients + o.states;
    // Zeroed and shared with the devices' processes.
    void* shared = mmap(nullptr, devices * sizeof(figures), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) std::abort();
    auto* all = static_cast<figures*>(shared);
    wait_for(start_devices(o, all), all, devices);
    const bool done =
        std::all_of(all, all + devices, [](const figures& f) { return f.done.load(); });
    report(all, devices, done ? "done" : "gave_up");
    return done ? 0 : 3;
}
