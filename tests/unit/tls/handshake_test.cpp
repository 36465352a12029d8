#include "tests/unit/tls/rig.hpp"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>

namespace wharf::tls {

TEST_CASE("two sides agree on TLS 1.2 with forward secrecy and authenticated encryption") {
    sides of;
    const auto* name = GENERATE("server", "rsa", "chained");
    const bool chained = std::string(name) == "chained";
    connected both(of.server(server_files(name)), of.client());
    INFO(both.server->ciphersuite());
    CHECK(both.server->ciphersuite().starts_with("TLS-ECDHE-"));
    CHECK(both.server->ciphersuite() == both.client->ciphersuite());
    CHECK_FALSE(both.server->resumed());
    CHECK_FALSE(both.client->resumed());
    CHECK(both.client->peer()->common_name == "gateway");
    CHECK(both.client->peer()->dns_names[0] == "localhost");
    CHECK(chained == (both.client->peer()->dns_names.size() == 1 && chained));
    CHECK_FALSE(both.server->peer().has_value());
}

TEST_CASE("a server is asked for its name or its address") {
    sides of;
    const auto server = of.server();
    for (const char* host : {"localhost", "gateway.test", "127.0.0.1", "::1"}) {
        INFO(host);
        connected both(server, of.client(client_files(), host));
    }
    for (const char* host : {"elsewhere.test", "gateway", "127.0.0.2", "::2"}) {
        INFO(host);
        auto mine = engine_of(server);
        auto theirs = engine_of(of.client(client_files(), host));
        const auto came = shake_hands(*mine, *theirs);
        CHECK(came.client == progress::failed);
        CHECK(came.server == progress::failed);
        CHECK(theirs->failure() == fault::certificate_refused);
        CHECK(theirs->refusal().find("expected CN") != std::string::npos);
    }
}

TEST_CASE("a client refuses a server that it has no reason to trust") {
    sides of;
    struct {
        const char* server;
        const char* trusted;
        const char* revoked;
        const char* words;
    } const cases[] = {
        {"unknown", "authority.pem", "", "not correctly signed by the trusted CA"},
        {"server", "stranger.pem", "", "not correctly signed by the trusted CA"},
        {"revoked", "authority.pem", "revoked.crl", "revoked"},
        {"weak", "authority.pem", "", "unacceptable"},
    };
    for (const auto& one : cases) {
        INFO(one.server << " " << one.trusted);
        auto server = engine_of(of.server(server_files(one.server)));
        auto client = engine_of(
            of.client(client_files(one.trusted, "", one.revoked),
                      one.server == std::string("revoked") ? "scanner-13.test" : "localhost"));
        CHECK(shake_hands(*server, *client).client == progress::failed);
        CHECK(client->failure() == fault::certificate_refused);
        INFO(client->refusal());
        CHECK(client->refusal().find(one.words) != std::string::npos);
    }
    // The same ones pass where there is a reason.
    connected known(of.server(server_files("unknown")), of.client(client_files("stranger.pem")));
    connected not_revoked(of.server(), of.client(client_files("authority.pem", "", "revoked.crl")));
}

TEST_CASE("a certificate is good between its dates, by the clock that the program has") {
    sides of;
    const auto server = of.server(server_files("server", "authority.pem"),
                                  {.from_clients = client_certificates::required});
    const auto client = of.client(client_files("authority.pem", "device"));
    connected good(server, client);
    const auto middle_s = of.clock.wall_s;
    const auto period = server->own_period();
    struct {
        std::int64_t at_s;
        const char* words;
    } const cases[] = {{period.to_s + 100, "expired"}, {period.from_s - 100, "in the future"}};
    for (const auto& one : cases) {
        of.clock.wall_s = one.at_s;
        auto mine = engine_of(server);
        auto theirs = engine_of(client);
        CHECK(shake_hands(*mine, *theirs).client == progress::failed);
        INFO(theirs->refusal());
        CHECK(theirs->refusal().find(one.words) != std::string::npos);
    }
    of.clock.wall_s = middle_s;
}

TEST_CASE("dates are judged beyond what 32 bits of seconds can say") {
    sides of;
    // These end in this decade; a clock of the next century finds them ended, not unborn.
    of.clock.wall_s = std::int64_t{1} << 33;
    auto server = engine_of(of.server());
    auto client = engine_of(of.client());
    CHECK(shake_hands(*server, *client).client == progress::failed);
    CHECK(client->refusal().find("expired") != std::string::npos);
    CHECK(client->refusal().find("future") == std::string::npos);
}

TEST_CASE("a revocation list that has ended is not believed any more") {
    sides of;
    auto files = client_files("authority.pem", "", "nobody_revoked.crl");
    const auto client = of.client(files);
    connected now(of.server(), client);
    // All of them were made in the same minute, for the same ten years.
    of.clock.wall_s = of.server()->own_period().to_s + 3600;
    auto server = engine_of(of.server());
    auto late = engine_of(client);
    CHECK(shake_hands(*server, *late).client == progress::failed);
    CHECK(late->failure() == fault::certificate_refused);
}

TEST_CASE("what a server asks of a device's certificate") {
    sides of;
    auto server = [&](client_certificates asked) {
        return of.server(server_files("server", "authority.pem", "revoked.crl"),
                         {.from_clients = asked});
    };
    auto client = [&](const char* name) { return of.client(client_files("authority.pem", name)); };
    auto outcome_of = [&](client_certificates asked, const char* name) {
        auto mine = engine_of(server(asked));
        auto theirs = engine_of(client(name));
        const auto came = shake_hands(*mine, *theirs);
        return std::pair(came.server, mine->refusal());
    };
    using enum client_certificates;
    CHECK(outcome_of(none, "").first == progress::done);
    CHECK(outcome_of(none, "foreign").first == progress::done); // not asked for, so not shown
    CHECK(outcome_of(optional, "").first == progress::done);
    CHECK(outcome_of(optional, "device").first == progress::done);
    CHECK(outcome_of(required, "device").first == progress::done);
    CHECK(outcome_of(required, "").first == progress::failed);
    for (auto asked : {optional, required}) {
        CHECK(outcome_of(asked, "foreign").first == progress::failed);
        CHECK(outcome_of(asked, "foreign").second.find("not correctly signed") !=
              std::string::npos);
        CHECK(outcome_of(asked, "revoked").first == progress::failed);
        CHECK(outcome_of(asked, "revoked").second.find("revoked") != std::string::npos);
    }
}

TEST_CASE("a device's certificate says who it is") {
    sides of;
    connected both(of.server(server_files("server", "authority.pem"),
                             {.from_clients = client_certificates::required}),
                   of.client(client_files("authority.pem", "device")));
    REQUIRE(both.server->peer().has_value());
    const auto& peer = *both.server->peer();
    CHECK(peer.common_name == "scanner-07");
    CHECK(peer.dns_names == std::vector<std::string>{"scanner-07.test"});
    CHECK(peer.uris == std::vector<std::string>{"urn:wharf:scanner-07"});
    CHECK_FALSE(peer.serial.empty());
    CHECK(peer.fingerprint_sha256.size() == 64);
}

namespace {

// A client of the library itself, which may be told to be old.
class old_client {
  public:
    explicit old_client(int minor_version_max, const int* ciphersuites = nullptr) {
        mbedtls_entropy_init(&entropy_);
        mbedtls_ctr_drbg_init(&random_);
        mbedtls_ssl_config_init(&config_);
        mbedtls_ssl_init(&ssl_);
        REQUIRE(mbedtls_ctr_drbg_seed(&random_, mbedtls_entropy_func, &entropy_, nullptr, 0) == 0);
        REQUIRE(mbedtls_ssl_config_defaults(&config_, MBEDTLS_SSL_IS_CLIENT,
                                            MBEDTLS_SSL_TRANSPORT_STREAM,
                                            MBEDTLS_SSL_PRESET_DEFAULT) == 0);
        mbedtls_ssl_conf_authmode(&config_, MBEDTLS_SSL_VERIFY_NONE);
        mbedtls_ssl_conf_rng(&config_, mbedtls_ctr_drbg_random, &random_);
        mbedtls_ssl_conf_min_version(&config_, MBEDTLS_SSL_MAJOR_VERSION_3,
                                     MBEDTLS_SSL_MINOR_VERSION_1);
        mbedtls_ssl_conf_max_version(&config_, MBEDTLS_SSL_MAJOR_VERSION_3, minor_version_max);
        if (ciphersuites != nullptr) mbedtls_ssl_conf_ciphersuites(&config_, ciphersuites);
        REQUIRE(mbedtls_ssl_setup(&ssl_, &config_) == 0);
        mbedtls_ssl_set_bio(&ssl_, this, send, receive, nullptr);
    }
    ~old_client() {
        mbedtls_ssl_free(&ssl_);
        mbedtls_ssl_config_free(&config_);
        mbedtls_ctr_drbg_free(&random_);
        mbedtls_entropy_free(&entropy_);
    }
    old_client(const old_client&) = delete;
    old_client& operator=(const old_client&) = delete;

    int handshake(engine& server) {
        int mine = MBEDTLS_ERR_SSL_WANT_READ;
        for (int i = 0; i < 20 && mine == MBEDTLS_ERR_SSL_WANT_READ; ++i) {
            mine = mbedtls_ssl_handshake(&ssl_);
            put(server, std::exchange(out_, {}));
            came = server.handshake();
            in_ += std::exchange(server.output(), {});
        }
        return mine;
    }
    progress came = progress::wants_input;

  private:
    static int send(void* self, const unsigned char* bytes, std::size_t size) {
        static_cast<old_client*>(self)->out_.append(reinterpret_cast<const char*>(bytes), size);
        return static_cast<int>(size);
    }
    static int receive(void* self, unsigned char* to, std::size_t size) {
        auto& in = static_cast<old_client*>(self)->in_;
        const auto count = std::min(size, in.size());
        if (count == 0) return MBEDTLS_ERR_SSL_WANT_READ;
        in.copy(reinterpret_cast<char*>(to), count);
        in.erase(0, count);
        return static_cast<int>(count);
    }
    mbedtls_entropy_context entropy_;
    mbedtls_ctr_drbg_context random_;
    mbedtls_ssl_config config_;
    mbedtls_ssl_context ssl_;
    std::string in_;
    std::string out_;
};

} // namespace

TEST_CASE("older protocols are refused") {
    sides of;
    const auto server = of.server();
    for (int minor : {MBEDTLS_SSL_MINOR_VERSION_1, MBEDTLS_SSL_MINOR_VERSION_2}) {
        auto mine = engine_of(server);
        old_client theirs(minor);
        CHECK(theirs.handshake(*mine) != 0);
        CHECK(theirs.came == progress::failed);
    }
    auto mine = engine_of(server);
    old_client theirs(MBEDTLS_SSL_MINOR_VERSION_3);
    CHECK(theirs.handshake(*mine) == 0);
    CHECK(theirs.came == progress::done);
}

TEST_CASE("ciphers without forward secrecy or without authenticated encryption are refused") {
    sides of;
    const auto server = of.server(server_files("rsa"));
    for (int suite :
         {MBEDTLS_TLS_RSA_WITH_AES_128_GCM_SHA256, MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
          MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, MBEDTLS_TLS_DHE_RSA_WITH_AES_128_GCM_SHA256,
          MBEDTLS_TLS_RSA_WITH_3DES_EDE_CBC_SHA}) {
        const int only[] = {suite, 0};
        auto mine = engine_of(server);
        old_client theirs(MBEDTLS_SSL_MINOR_VERSION_3, only);
        CHECK(theirs.handshake(*mine) != 0);
        CHECK(theirs.came == progress::failed);
    }
}

TEST_CASE("garbage in place of a handshake fails it, and its words end up nowhere") {
    sides of;
    const auto server = of.server();
    std::mt19937 random(20260101);
    const std::string mqtt("\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04help", 18);
    for (int i = 0; i < 300; ++i) {
        auto mine = engine_of(server);
        std::string bytes = i == 0 ? mqtt : i == 1 ? "GET / HTTP/1.1\r\n\r\n" : "";
        if (bytes.empty()) {
            bytes.resize(1 + random() % 600);
            for (char& byte : bytes)
                byte = static_cast<char>(random());
            if (i % 3 == 0)
                bytes.replace(0, std::min<std::size_t>(5, bytes.size()), "\x16\x03\x01\x01\x00", 5);
        }
        put(*mine, bytes);
        mine->end_input();
        CHECK(mine->handshake() == progress::failed);
        CHECK(mine->failure());
        CHECK(mine->handshake() == progress::failed);
    }
}

TEST_CASE("a handshake that is cut off anywhere fails, and says nothing about what follows") {
    sides of;
    const auto server = of.server();
    auto whole = engine_of(of.client());
    REQUIRE(whole->handshake() == progress::wants_input);
    const auto hello = whole->output();
    for (std::size_t size = 0; size < hello.size(); ++size) {
        auto mine = engine_of(server);
        put(*mine, hello.substr(0, size));
        CHECK(mine->handshake() == progress::wants_input);
        mine->end_input();
        CHECK(mine->handshake() == progress::failed);
        CHECK(mine->failure() == fault::truncated);
    }
}

TEST_CASE("a handshake may not bring more bytes than a handshake has") {
    sides of;
    auto mine = engine_of(of.server());
    // Warnings are passed over one by one.
    std::string warning("\x15\x03\x01\x00\x02\x01\x5a", 7);
    std::string many;
    while (many.size() < 12'000)
        many += warning;
    progress came = progress::wants_input;
    for (int i = 0; i < 10 && came == progress::wants_input; ++i) {
        put(*mine, many);
        came = mine->handshake();
        mine->output().clear();
    }
    CHECK(came == progress::failed);
}

} // namespace wharf::tls
