// A fleet of devices for the bench: persistent MQTT 5 sessions over TLS or plain text that are lost
// and come back. Lines on standard input lead it (fleet.cpp); each answer is a line of JSON.
#include "tests/bench/devices/fleet.hpp"

#include <CLI/CLI.hpp>

#include <csignal>
#include <optional>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>

int main(int argc, char** argv) {
    CLI::App app{
        "Keeps MQTT sessions of many devices, and brings them back at once. Standard input: "
        "'storm with tickets', 'storm without tickets', 'restart', 'latency'"};
    bench::fleet_options given;
    std::string authority;
    bool one_address = false;
    app.add_option("--port", given.device.port, "of the broker on loopback")->required();
    app.add_option("--devices", given.devices)->check(CLI::Range(1, 20'000));
    app.add_option("--first-number", given.first_number, "of the devices' names and addresses");
    app.add_option("--prefix", given.device.client_prefix, "of client identifiers");
    app.add_option("--rate", given.rate, "events per second in all, on a fixed schedule");
    app.add_option("--first-event", given.first_event, "its number: ids are made of it");
    app.add_option("--authority", authority, "TLS; the server is verified by this");
    app.add_flag("--one-address", one_address, "all from 127.0.0.1, as behind one router");
    CLI11_PARSE(app, argc, argv);

    prctl(PR_SET_TIMERSLACK, 1UL);
    std::signal(SIGPIPE, SIG_IGN); // OpenSSL writes without MSG_NOSIGNAL
    rlimit descriptors{};
    getrlimit(RLIMIT_NOFILE, &descriptors);
    descriptors.rlim_cur = descriptors.rlim_max;
    setrlimit(RLIMIT_NOFILE, &descriptors);

    given.device.own_addresses = !one_address;
    std::optional<bench::tls_client> tls;
    if (!authority.empty()) given.device.tls = &tls.emplace(authority);
    bench::fleet(given).run();
    return 0;
}
