// Two sides of TLS in one test: files, a clock that is set by hand, and bytes carried between two
// engines.
#pragma once

#include "gateway/platform/tls/engine.hpp"

#include <boost/asio/error.hpp>
#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <random>
#include <string>

namespace wharf::tls {

class manual_clock : public clock_port {
  public:
    std::int64_t wall_us() override { return wall_s * 1'000'000; }
    std::int64_t monotonic_us() override { return monotonic_ms * 1000; }
    bool wall_synchronised() override { return true; }
    void pass_s(std::int64_t s) {
        wall_s += s;
        monotonic_ms += s * 1000;
    }
    std::int64_t wall_s = 0;
    std::int64_t monotonic_ms = 1'000'000;
};

inline std::string file(const std::string& name) {
    return name.empty() ? name : std::string(WHARF_TEST_CERTIFICATES "/") + name;
}

inline std::string contents(const std::string& path) {
    std::ifstream from(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(from), {}};
}

inline file_names server_files(const std::string& name = "server", const std::string& trusted = "",
                               const std::string& revoked = "") {
    return {file(name + ".pem"), file(name + ".key"), file(trusted), file(revoked)};
}

inline file_names client_files(const std::string& trusted = "authority.pem",
                               const std::string& name = "", const std::string& revoked = "") {
    return {name.empty() ? "" : file(name + ".pem"), name.empty() ? "" : file(name + ".key"),
            file(trusted), file(revoked)};
}

// The middle of the time in which the certificates of the tests are good.
inline std::int64_t good_time_s() {
    static const std::int64_t found = [] {
        manual_clock clock;
        auto server = context::make_server(server_files(), {}, clock);
        REQUIRE(server.ok());
        const auto& period = (*server)->own_period();
        return period.from_s + (period.to_s - period.from_s) / 2;
    }();
    return found;
}

using context_ptr = std::shared_ptr<const context>;

class sides {
  public:
    sides() { clock.wall_s = good_time_s(); }

    context_ptr server(const file_names& files = server_files(), server_options options = {}) {
        auto made = context::make_server(files, options, clock);
        INFO((made.ok() ? "" : made.failure().message));
        REQUIRE(made.ok());
        return *made;
    }
    context_ptr client(const file_names& files = client_files(),
                       const std::string& host = "localhost") {
        auto made = context::make_client(files, host, clock);
        INFO((made.ok() ? "" : made.failure().message));
        REQUIRE(made.ok());
        return *made;
    }

    manual_clock clock;
};

inline std::unique_ptr<engine> engine_of(const context_ptr& of) {
    auto made = engine::make(of);
    REQUIRE(made.ok());
    return std::move(made).value();
}

inline void put(engine& to, std::string_view bytes) {
    while (!bytes.empty()) {
        auto room = to.prepare();
        const auto size = std::min(room.size(), bytes.size());
        bytes.copy(room.data(), size);
        to.commit(size);
        bytes.remove_prefix(size);
    }
}

// Everything that one has to say, to the other.
inline void carry(engine& from, engine& to) {
    const auto bytes = std::exchange(from.output(), {});
    put(to, bytes);
}

struct outcome {
    progress server = progress::wants_input;
    progress client = progress::wants_input;
    [[nodiscard]] bool good() const { return server == progress::done && client == progress::done; }
};

inline outcome shake_hands(engine& server, engine& client) {
    outcome now;
    for (int i = 0;
         i < 20 && (now.server == progress::wants_input || now.client == progress::wants_input);
         ++i) {
        if (now.client == progress::wants_input) now.client = client.handshake();
        carry(client, server);
        if (now.server == progress::wants_input) now.server = server.handshake();
        carry(server, client);
    }
    return now;
}

// Both sides of a connection that stands.
struct connected {
    connected(const context_ptr& server_of, const context_ptr& client_of)
        : server(engine_of(server_of)), client(engine_of(client_of)) {
        const auto came = shake_hands(*server, *client);
        INFO("server: " << server->failure().message() << " " << server->refusal());
        INFO("client: " << client->failure().message() << " " << client->refusal());
        REQUIRE(came.good());
    }
    std::unique_ptr<engine> server;
    std::unique_ptr<engine> client;
};

inline std::string read_all(engine& from, error_code& failed) {
    std::string out;
    char buffer[777];
    while (true) {
        const auto size = from.read(buffer, failed);
        if (failed) return out;
        out.append(buffer, size);
    }
}

} // namespace wharf::tls
