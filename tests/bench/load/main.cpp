// The benches' load generator; --help says how to use it. Results are one line of JSON.
#include "tests/bench/load/driver.hpp"
#include "tests/bench/load/sink.hpp"
#include "tests/bench/load/subscriber.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <string>
#include <sys/prctl.h>

namespace {

void print(const bench::load_options& options, const bench::load_report& report) {
    // An open loop counts every answer to what it had scheduled.
    const auto acks = options.rate > 0 ? report.latency.count() : report.acknowledged;
    std::printf("{\"acks\": %llu, \"seconds\": %.4f, \"acks_per_s\": %.1f, \"p50_us\": %.1f, "
                "\"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f, \"late_p99_us\": %.1f, "
                "\"cpu_s\": %.3f, \"first_ack_s\": %.6f, \"unanswered\": %llu, \"refused\": %llu, "
                "\"last_event\": %llu, \"payload_bytes\": %zu}\n",
                static_cast<unsigned long long>(acks), report.seconds,
                static_cast<double>(report.acknowledged) / report.seconds,
                report.latency.quantile_us(0.5), report.latency.quantile_us(0.99),
                report.latency.quantile_us(0.999), report.latency.max_us(),
                report.lateness.quantile_us(0.99), report.cpu_s, report.first_ack_s,
                static_cast<unsigned long long>(report.unanswered),
                static_cast<unsigned long long>(report.refused),
                static_cast<unsigned long long>(report.last_event), report.payload_bytes);
}

struct words {
    bench::load_options load;
    bool json = false;
    bool traced = false;
    bool padded = false;
    bool sink = false;
    bool subscribe = false;
    bool drain = false;
    std::string filter = "wharf/#";
    std::string subscriber = "bench-subscriber";
    double idle_s = 3;
    int listen_qos = -1;
};

void name_options(CLI::App& app, words& to) {
    auto& publisher = to.load.publisher;
    app.add_option("--port", publisher.port, "of the broker on loopback")->required();
    app.add_option("--connections", to.load.connections)->check(CLI::Range(1, 4096));
    app.add_option("--window", publisher.window, "unacknowledged per connection")
        ->check(CLI::Range(1, 16384));
    app.add_option("--warm-up", to.load.warm_up_s, "seconds");
    app.add_option("--seconds", to.load.seconds);
    app.add_option("--count", to.load.count, "end after so many acknowledgements");
    app.add_option("--rate", to.load.rate,
                   "events per second on a fixed schedule; else all it can");
    app.add_option("--first-event", to.load.first_event,
                   "number of the first event: ids are made of it");
    app.add_option("--mqtt", publisher.version, "4 (3.1.1) or 5")->check(CLI::IsMember({4, 5}));
    app.add_option("--client-prefix", publisher.client_prefix);
    app.add_flag("--persistent", publisher.persistent, "sessions that outlive the connection");
    app.add_flag("--json", to.json, "JSON events instead of protobuf");
    app.add_flag("--traced", to.traced, "protobuf events with a W3C trace");
    app.add_flag("--padded", to.padded, "as many bytes, and no trace");
    app.add_flag("--sink", to.sink, "be the trivial server instead, for the generator's ceiling");
    app.add_flag("--subscribe", to.subscribe, "leave a persistent subscription and end");
    app.add_flag("--drain", to.drain, "resume it and acknowledge --count messages");
    app.add_option("--listen", to.listen_qos,
                   "subscribe at this QoS and take what comes, --seconds")
        ->check(CLI::Range(0, 1));
    app.add_option("--filter", to.filter);
    app.add_option("--subscriber", to.subscriber, "its client id");
    app.add_option("--idle", to.idle_s, "a drain ends after so many seconds without a message");
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"Publishes QoS 1 events over MQTT and measures their acknowledgements"};
    words given;
    name_options(app, given);
    CLI11_PARSE(app, argc, argv);
    const std::uint16_t port = given.load.publisher.port;
    if (given.json) given.load.publisher.kind = bench::payload_kind::json;
    if (given.padded) given.load.publisher.kind = bench::payload_kind::padded;
    if (given.traced) given.load.publisher.kind = bench::payload_kind::traced;
    prctl(PR_SET_TIMERSLACK, 1UL);
    if (given.sink) bench::run_sink(port);
    if (given.subscribe) {
        bench::leave_subscription(port, given.subscriber, given.filter);
        return 0;
    }
    if (given.drain || given.listen_qos >= 0) {
        const auto report =
            given.drain
                ? bench::drain(port, given.subscriber, given.load.count, given.idle_s)
                : bench::listen(port, given.subscriber, given.filter,
                                static_cast<unsigned>(given.listen_qos), given.load.seconds);
        std::printf("{\"received\": %llu, \"seconds\": %.4f, \"per_s\": %.1f}\n",
                    static_cast<unsigned long long>(report.received), report.seconds,
                    report.seconds > 0 ? static_cast<double>(report.received) / report.seconds : 0);
        return 0;
    }
    const auto report = bench::run_load(given.load);
    print(given.load, report);
    return report.unanswered == 0 && report.refused == 0 ? 0 : 1;
}
