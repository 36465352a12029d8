#include "tests/unit/tls/rig.hpp"

namespace wharf::tls {

TEST_CASE("large data passes both ways, whatever the pieces") {
    sides of;
    connected both(of.server(), of.client());
    spare_buffers spares;
    std::mt19937 random(7);
    auto some = [&](std::size_t size) {
        std::string out(size, '\0');
        for (char& byte : out)
            byte = static_cast<char>(random());
        return out;
    };
    struct direction {
        engine& from;
        engine& to;
        std::string sent{};
        std::string on_the_way{};
        std::string received{};
    };
    direction ways[] = {{*both.client, *both.server}, {*both.server, *both.client}};
    char buffer[5000];
    for (int i = 0; i < 3000; ++i) {
        auto& way = ways[random() % 2];
        error_code failed;
        if (random() % 2 == 0) {
            const auto bytes = some(random() % (random() % 8 == 0 ? 60'000 : 600));
            way.from.write(bytes, failed);
            REQUIRE_FALSE(failed);
            way.sent += bytes;
            way.on_the_way += std::exchange(way.from.output(), {});
        }
        if (!way.to.has_input() && !way.on_the_way.empty()) {
            const auto size = std::min<std::size_t>(way.on_the_way.size(), 1 + random() % 20'000);
            put(way.to, way.on_the_way.substr(0, size));
            way.on_the_way.erase(0, size);
        }
        const auto got = way.to.read({buffer, 1 + random() % sizeof buffer}, failed);
        if (!failed) way.received.append(buffer, got);
        if (failed) REQUIRE(failed == boost::asio::error::would_block);
        if (random() % 3 == 0) way.to.rest(spares);
        if (random() % 3 == 0) way.from.rest(spares);
    }
    for (auto& way : ways) {
        while (!way.on_the_way.empty() || way.to.has_input()) {
            if (!way.to.has_input()) {
                const auto size = std::min<std::size_t>(way.on_the_way.size(), 16'000);
                put(way.to, way.on_the_way.substr(0, size));
                way.on_the_way.erase(0, size);
            }
            error_code failed;
            way.received += read_all(way.to, failed);
            REQUIRE(failed == boost::asio::error::would_block);
        }
        CHECK(way.sent.size() > 1'000'000);
        CHECK(way.received == way.sent);
    }
}

TEST_CASE("an idle connection rests, and goes on where it was") {
    sides of;
    spare_buffers spares;
    connected both(of.server(), of.client());
    error_code failed;
    for (int i = 0; i < 50; ++i) {
        both.server->rest(spares);
        both.client->rest(spares);
        both.client->write("ping " + std::to_string(i), failed);
        REQUIRE_FALSE(failed);
        carry(*both.client, *both.server);
        CHECK(read_all(*both.server, failed) == "ping " + std::to_string(i));
        CHECK(failed == boost::asio::error::would_block);
        both.server->write("pong", failed);
        carry(*both.server, *both.client);
        CHECK(read_all(*both.client, failed) == "pong");
    }
    both.server->rest(spares);
    both.server->close();
    carry(*both.server, *both.client);
    CHECK(read_all(*both.client, failed).empty());
    CHECK(failed == boost::asio::error::eof);
}

TEST_CASE("a record of which a part has come is not lost by resting") {
    sides of;
    spare_buffers spares;
    connected both(of.server(), of.client());
    error_code failed;
    both.client->write("twice as long as its half", failed);
    const auto record = std::exchange(both.client->output(), {});
    for (char byte : record) {
        both.server->rest(spares);
        put(*both.server, {&byte, 1});
        char buffer[100];
        const auto size = both.server->read(buffer, failed);
        if (!failed) CHECK(std::string(buffer, size) == "twice as long as its half");
    }
    CHECK_FALSE(failed);
}

TEST_CASE("a close and a stream that breaks off are different things") {
    sides of;
    error_code failed;
    {
        connected both(of.server(), of.client());
        both.client->write("last words", failed);
        both.client->close();
        carry(*both.client, *both.server);
        both.server->end_input();
        CHECK(read_all(*both.server, failed) == "last words");
        CHECK(failed == boost::asio::error::eof);
    }
    {
        connected both(of.server(), of.client());
        both.client->write("last words", failed);
        carry(*both.client, *both.server);
        both.server->end_input();
        CHECK(read_all(*both.server, failed) == "last words");
        CHECK(failed == fault::truncated);
        CHECK(read_all(*both.server, failed).empty());
        CHECK(failed == fault::truncated);
    }
}

TEST_CASE("a changed, repeated, swapped or missing record is found out") {
    sides of;
    for (int what = 0; what < 4; ++what) {
        INFO(what);
        connected both(of.server(), of.client());
        error_code failed;
        both.client->write("first", failed);
        auto first = std::exchange(both.client->output(), {});
        both.client->write("second", failed);
        auto second = std::exchange(both.client->output(), {});
        if (what == 0) {
            first[first.size() / 2] = static_cast<char>(first[first.size() / 2] ^ 1);
            put(*both.server, first + second);
        }
        if (what == 1) put(*both.server, first + first + second);
        if (what == 2) put(*both.server, second + first);
        if (what == 3) put(*both.server, second);
        const auto got = read_all(*both.server, failed);
        CHECK(got == (what == 1 ? "first" : ""));
        CHECK(failed);
        CHECK(failed != boost::asio::error::would_block);
        CHECK(failed != boost::asio::error::eof);
        CHECK_FALSE(both.server->output().empty()); // an alert
    }
}

TEST_CASE("who comes back with a ticket is spared the dear part of the handshake") {
    sides of;
    const auto asked = GENERATE(client_certificates::none, client_certificates::required);
    const auto server = of.server(server_files("server", "authority.pem"), {.from_clients = asked});
    const auto client = of.client(client_files("authority.pem", "device"));
    connected first(server, client);
    const auto kept = first.client->session();
    REQUIRE(kept != nullptr);
    for (int i = 0; i < 3; ++i) {
        auto mine = engine_of(server);
        auto theirs = engine_of(client);
        theirs->resume(*kept);
        REQUIRE(shake_hands(*mine, *theirs).good());
        CHECK(mine->resumed());
        CHECK(theirs->resumed());
        // It is still known who it is.
        CHECK(mine->peer().has_value() == (asked == client_certificates::required));
        if (mine->peer()) CHECK(mine->peer()->common_name == "scanner-07");
        error_code failed;
        theirs->write("hello again", failed);
        carry(*theirs, *mine);
        CHECK(read_all(*mine, failed) == "hello again");
    }
}

TEST_CASE("tickets end: with their keys, with a reload, with the certificate") {
    sides of;
    server_options options{.from_clients = client_certificates::required, .ticket_s = 1000};
    const auto files = server_files("server", "authority.pem", "nobody_revoked.crl");
    const auto server = of.server(files, options);
    const auto client = of.client(client_files("authority.pem", "device"));
    auto resumes = [&](const context_ptr& at, const std::shared_ptr<const kept_session>& with) {
        auto mine = engine_of(at);
        auto theirs = engine_of(client);
        theirs->resume(*with);
        REQUIRE(shake_hands(*mine, *theirs).good());
        CHECK(mine->resumed() == theirs->resumed());
        return mine->resumed();
    };
    const auto kept = connected(server, client).client->session();
    CHECK(resumes(server, kept));
    of.clock.monotonic_ms += 1'500'000;
    CHECK(resumes(server, kept)); // by the keys before
    of.clock.monotonic_ms += 1'000'000;
    CHECK_FALSE(resumes(server, kept));
    const auto newer = connected(server, client).client->session();
    CHECK(resumes(server, newer));
    CHECK_FALSE(resumes(of.server(files, options), newer));
    // A ticket that nobody has used for very long.
    of.clock.monotonic_ms += 10'000'000;
    CHECK_FALSE(resumes(server, newer));
}

TEST_CASE("a ticket does not outlive the device's certificate") {
    sides of;
    const auto server = of.server(server_files("server", "authority.pem"),
                                  {.from_clients = client_certificates::required});
    const auto client = of.client(client_files("authority.pem", "device"));
    const auto kept = connected(server, client).client->session();
    of.clock.wall_s = server->own_period().to_s + 3600;
    auto mine = engine_of(server);
    auto theirs = engine_of(client);
    theirs->resume(*kept);
    // Not resumed, and the full handshake finds what is wrong.
    CHECK_FALSE(shake_hands(*mine, *theirs).good());
}

TEST_CASE("a forged ticket is worth nothing") {
    sides of;
    const auto server = of.server();
    const auto client = of.client();
    const auto kept = connected(server, client).client->session();
    // Of another gateway, which has other keys.
    auto mine = engine_of(of.server());
    auto theirs = engine_of(client);
    theirs->resume(*kept);
    REQUIRE(shake_hands(*mine, *theirs).good());
    CHECK_FALSE(mine->resumed());
}

TEST_CASE("files that do not fit together are refused with a reason") {
    sides of;
    auto words = [&](const file_names& files) {
        auto made =
            context::make_server(files, {.from_clients = client_certificates::optional}, of.clock);
        REQUIRE_FALSE(made.ok());
        return made.failure().message;
    };
    auto good = server_files("server", "authority.pem", "revoked.crl");
    auto with = [&](auto change) {
        auto files = good;
        change(files);
        return words(files);
    };
    CHECK(with([](auto& f) { f.certificate = file("missing.pem"); }).find("missing.pem") !=
          std::string::npos);
    CHECK(with([](auto& f) { f.key = file("renewed.key"); }).find("is not the key of") !=
          std::string::npos);
    CHECK(with([](auto& f) { f.key = file("server.pem"); }).find("server.pem") !=
          std::string::npos);
    CHECK(with([](auto& f) { f.certificate = file("ca.cnf"); }).find("ca.cnf") !=
          std::string::npos);
    CHECK(with([](auto& f) { f.trusted = file("server.key"); }).find("server.key") !=
          std::string::npos);
    CHECK(with([](auto& f) { f.revoked = file("strange.crl"); }).find("is not in") !=
          std::string::npos);
    CHECK(with([](auto& f) { f.revoked = file("server.pem"); }).find("server.pem") !=
          std::string::npos);
    // A key is never said aloud.
    const auto key = contents(file("server.key"));
    CHECK(with([](auto& f) { f.key = file("renewed.key"); }).find(key.substr(40, 20)) ==
          std::string::npos);
}

} // namespace wharf::tls
