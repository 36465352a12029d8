// What TLS costs the gateway, over memory and without a network: CPU time of the server's half of a
// handshake, full and resumed, with the keys that a site may have; bytes of the heap for a
// connection; and the rate at which application data is encrypted. One JSON object on standard
// output.
#include "gateway/platform/tls/engine.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/error.hpp>

#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

using namespace wharf;
using namespace wharf::tls;

namespace {

class real_clock : public clock_port {
  public:
    std::int64_t wall_us() override { return std::int64_t{std::time(nullptr)} * 1'000'000; }
    std::int64_t monotonic_us() override { return 1; }
    bool wall_synchronised() override { return true; }
};

template <class T> T good(result<T> from) {
    if (!from.ok()) {
        std::fprintf(stderr, "bench-tls: %s\n", from.failure().message.c_str());
        std::exit(1);
    }
    return std::move(from).value();
}

double cpu_s() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void carry(engine& from, engine& to) {
    std::string bytes = std::exchange(from.output(), {});
    for (std::size_t at = 0; at < bytes.size();) {
        auto room = to.prepare();
        const auto size = std::min(room.size(), bytes.size() - at);
        bytes.copy(room.data(), size, at);
        to.commit(size);
        at += size;
    }
}

struct two {
    std::unique_ptr<engine> server;
    std::unique_ptr<engine> client;
    double server_s = 0;
};

two connected(const std::shared_ptr<const context>& server_of,
              const std::shared_ptr<const context>& client_of, const kept_session* ticket) {
    two out;
    auto begun = cpu_s();
    out.server = good(engine::make(server_of));
    out.server_s += cpu_s() - begun;
    out.client = good(engine::make(client_of));
    if (ticket != nullptr) out.client->resume(*ticket);
    while (!out.client->done() || !out.server->done()) {
        static_cast<void>(out.client->handshake());
        carry(*out.client, *out.server);
        begun = cpu_s();
        static_cast<void>(out.server->handshake());
        out.server_s += cpu_s() - begun;
        carry(*out.server, *out.client);
        if (out.client->failure() || out.server->failure()) {
            std::fprintf(stderr, "bench-tls: the handshake failed\n");
            std::exit(1);
        }
    }
    if (out.server->resumed() != (ticket != nullptr)) {
        std::fprintf(stderr, "bench-tls: a session was resumed that should not be, or not\n");
        std::exit(1);
    }
    return out;
}

double median(std::vector<double> of) {
    std::sort(of.begin(), of.end());
    return of[of.size() / 2];
}

// Middle microseconds of the server's CPU for one handshake.
double handshake_us(const std::shared_ptr<const context>& server,
                    const std::shared_ptr<const context>& client, bool resumed, int rounds) {
    const auto first = connected(server, client, nullptr);
    const auto ticket = first.client->session();
    std::vector<double> took;
    for (int i = 0; i < rounds; ++i)
        took.push_back(connected(server, client, resumed ? ticket.get() : nullptr).server_s * 1e6);
    return median(std::move(took));
}

struct heap {
    std::size_t awake = 0;
    std::size_t resting = 0;
};

heap heap_bytes(const std::shared_ptr<const context>& server,
                const std::shared_ptr<const context>& client, std::size_t count) {
    spare_buffers spares;
    std::vector<std::unique_ptr<engine>> kept;
    kept.reserve(count);
    error_code failed;
    const auto before = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
    for (std::size_t i = 0; i < count; ++i) {
        auto both = connected(server, client, nullptr);
        both.client->write("hello", failed);
        carry(*both.client, *both.server);
        char buffer[100];
        both.server->read(buffer, failed);
        kept.push_back(std::move(both.server));
    }
    heap out;
    out.awake = (::mallinfo2().uordblks + ::mallinfo2().hblkhd - before) / count;
    for (auto& one : kept)
        one->rest(spares);
    const auto spare = std::min(count, limits::k_tls_spare_buffers_max) * 33'400;
    out.resting = (::mallinfo2().uordblks + ::mallinfo2().hblkhd - before - spare) / count;
    return out;
}

double written_mb_per_s(const std::shared_ptr<const context>& server,
                        const std::shared_ptr<const context>& client) {
    auto both = connected(server, client, nullptr);
    const std::string data(64 * 1024, 'x');
    error_code failed;
    const auto begun = cpu_s();
    std::size_t bytes = 0;
    while (cpu_s() - begun < 1) {
        both.server->write(data, failed);
        both.server->output().clear();
        bytes += data.size();
    }
    return static_cast<double>(bytes) / 1e6 / (cpu_s() - begun);
}

} // namespace

int main(int argc, char** argv) {
    CLI::App cli("bench-tls: what TLS costs the gateway.");
    std::string folder = WHARF_TEST_CERTIFICATES;
    int rounds = 400;
    std::size_t connections = 500;
    cli.add_option("--certificates", folder, "Made by tests/support/certificates.sh");
    cli.add_option("--rounds", rounds, "Handshakes of each kind")->check(CLI::Range(1, 1'000'000));
    cli.add_option("--connections", connections, "For the memory of one")
        ->check(CLI::Range(20, 100'000));
    CLI11_PARSE(cli, argc, argv);

    real_clock clock;
    auto server = [&](const char* name, client_certificates asked = {}) {
        return good(
            context::make_server({folder + "/" + name + ".pem", folder + "/" + name + ".key",
                                  folder + "/authority.pem", ""},
                                 {.from_clients = asked}, clock));
    };
    const auto client = good(context::make_client(
        {folder + "/device.pem", folder + "/device.key", folder + "/authority.pem", ""},
        "localhost", clock));
    const auto p256 = server("server");
    const auto rsa = server("rsa");
    const auto mutual = server("server", client_certificates::required);
    const auto idle = heap_bytes(p256, client, connections);
    const auto idle_mutual = heap_bytes(mutual, client, connections);
    std::printf(
        "{\"p256_full_us\": %.1f, \"p256_mutual_full_us\": %.1f, \"rsa2048_full_us\": %.1f, "
        "\"resumed_us\": %.1f, \"mutual_resumed_us\": %.1f, \"awake_bytes\": %zu, "
        "\"resting_bytes\": %zu, \"mutual_resting_bytes\": %zu, \"write_mb_per_s\": %.1f}\n",
        handshake_us(p256, client, false, rounds), handshake_us(mutual, client, false, rounds),
        handshake_us(rsa, client, false, rounds), handshake_us(p256, client, true, rounds),
        handshake_us(mutual, client, true, rounds), idle.awake, idle.resting, idle_mutual.resting,
        written_mb_per_s(p256, client));
    return 0;
}
