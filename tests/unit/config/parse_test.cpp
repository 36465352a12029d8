#include "gateway/config/parse.hpp"

#include "wharf/v1/event.pb.h"

#include <catch2/catch.hpp>

#include <string>

using namespace wharf;
using Catch::Matchers::Contains;

namespace {

const std::string k_least = "[gateway]\nname = \"WH7\"\nsite = \"ber1\"\n"
                            "[journal]\npath = \"/var/lib/wharf\"\n";

std::string errors_of(const std::string& text) {
    auto parsed = parse_config(text, "w.toml");
    return parsed.ok() ? "no error" : parsed.failure().message;
}

config good(const std::string& text) {
    auto parsed = parse_config(text, "w.toml");
    if (!parsed.ok()) FAIL(parsed.failure().message);
    return std::move(parsed).value();
}

std::string destination(const std::string& lines) {
    return k_least + "[[destination]]\nname = \"erp\"\nurl = \"http://127.0.0.1:8080/\"\n" + lines;
}

} // namespace

TEST_CASE("the least configuration has sane defaults") {
    auto parsed = good(k_least);
    CHECK(parsed.gateway.name == "WH7");
    CHECK(parsed.listener.address == "127.0.0.1");
    CHECK(parsed.listener.port == 1883);
    CHECK(parsed.journal.size_max_mb == 1024);
    CHECK(parsed.admin.http_port == 9883);
    CHECK(parsed.routes.empty()); // those of docs/formats/topics.md
    CHECK(parsed.lanes[index_of(lane::shipment)].dead_blocks);
    CHECK_FALSE(parsed.lanes[index_of(lane::count)].dead_blocks);
}

TEST_CASE("shipments and inventory are never shed") {
    CHECK(good(k_least + "[lane.telemetry]\nsheddable = true\n")
              .lanes[index_of(lane::telemetry)]
              .sheddable);
    CHECK_FALSE(good(k_least).lanes[index_of(lane::telemetry)].sheddable);
    for (const auto* name : {"shipment", "inventory"})
        CHECK_THAT(errors_of(k_least + "[lane." + name + "]\nsheddable = true\n"),
                   Contains(std::string("lane.") + name +
                            ".sheddable: expected false: shipments and inventory are never shed"));
    const std::string gives_way = "[lane.telemetry]\nsheddable = true\n[lanes.kinds]\n";
    CHECK(good(k_least + gives_way + "milestone = \"telemetry\"\n").kind_lanes.size() == 1);
    CHECK_THAT(errors_of(k_least + gives_way + "shipped = \"telemetry\"\n"),
               Contains("lanes.kinds.shipped: expected a lane that is not sheddable"));
}

TEST_CASE("the journal is as large as the address space allows, and no larger") {
    const auto of = [](std::uint32_t mb) {
        return k_least + "size_max_mb = " + std::to_string(mb) + "\n";
    };
    const std::uint32_t most = sizeof(void*) == 4 ? 1024 : 65'536;
    CHECK(good(of(most)).journal.size_max_mb == most);
    CHECK_THAT(errors_of(of(most + 1)),
               Contains("journal.size_max_mb: expected a whole number from "
                        "16 to " +
                        std::to_string(most) + " (MiB)"));
}

TEST_CASE("no destination is a warning, not an error") {
    auto parsed = good(k_least);
    REQUIRE(parsed.warnings.size() == 1);
    CHECK_THAT(parsed.warnings[0], Contains("destination"));
    CHECK(good(destination("")).warnings.empty());
}

TEST_CASE("an unknown key is named with its line and the key that was meant") {
    CHECK(errors_of(k_least + "[listener]\nprot = 1884\n") ==
          "w.toml:7: listener.prot: unknown key (did you mean port?)");
    CHECK_THAT(errors_of(k_least + "[listner]\n"), Contains("did you mean listener?"));
    CHECK(errors_of(k_least + "[log]\nzzzzzzzzzzz = 1\n") ==
          "w.toml:7: log.zzzzzzzzzzz: unknown key");
}

TEST_CASE("all errors are reported at once, in the order of their lines") {
    auto errors = errors_of("[gateway]\nname = \"has space\"\n[journal]\npath = \"relative\"\n"
                            "size_max_mb = 1\n[listener]\nport = \"x\"\n");
    auto name = errors.find("w.toml:2: gateway.name");
    auto path =
        errors.find("w.toml:4: journal.path: expected an absolute path, found \"relative\"");
    auto size = errors.find("w.toml:5: journal.size_max_mb: expected a whole number from 16");
    auto port = errors.find("w.toml:7: listener.port: expected a whole number from 0 to 65535, "
                            "found \"x\"");
    CHECK(errors.find("gateway.site: is required") != std::string::npos);
    REQUIRE(port != std::string::npos);
    CHECK(name < path);
    CHECK(path < size);
    CHECK(size < port);
}

TEST_CASE("the ring is off, or of a size and a block that it can have") {
    auto with = [](const std::string& line) {
        return "[gateway]\nname = \"WH7\"\nsite = \"ber1\"\n[journal]\npath = \"/j\"\n" + line +
               "\n";
    };
    CHECK(good(with("")).journal.ring_mb == 8);
    CHECK(good(with("ring_mb = 0")).journal.ring_mb == 0);
    CHECK(good(with("ring_block_bytes = 512")).journal.ring_block_bytes == 512);
    CHECK(errors_of(with("ring_mb = 3")) ==
          "w.toml:6: journal.ring_mb: expected 0 (none) or at least 4 MiB, found 3");
    CHECK(errors_of(with("ring_block_bytes = 1024")) ==
          "w.toml:6: journal.ring_block_bytes: expected 512 or 4096, found 1024");
    CHECK_THAT(errors_of(with("ring_mb = 65")), Contains("from 0 to 64"));
    CHECK_THAT(errors_of(with("checkpoint_s = 0")), Contains("from 1 to 600"));
}

TEST_CASE("text that is not TOML is one error with its line") {
    CHECK_THAT(errors_of("[gateway]\nname = \n"), Contains("w.toml:2: not TOML"));
}

TEST_CASE("a section that is not a table is named") {
    CHECK_THAT(errors_of("journal = 3\n[gateway]\nname=\"a\"\nsite=\"b\"\n"),
               Contains("journal: expected a table: [journal], found 3"));
    CHECK_THAT(errors_of(k_least + "[destination]\nname = \"erp\"\n"),
               Contains("expected a list of tables: [[destination]]"));
}

TEST_CASE("a destination's bounds and its keys against each other") {
    CHECK_THAT(errors_of(destination("batch_max_items = 1001\n")),
               Contains("destination[0].batch_max_items: expected a whole number from 1 to 1000"));
    CHECK_THAT(errors_of(destination("request_timeout_ms = 0\n")), Contains("(ms), found 0"));
    CHECK_THAT(errors_of(destination("backoff_min_ms = 70000\n")),
               Contains("expected backoff_min_ms <= backoff_max_ms, found 70000 > 60000"));
    CHECK_THAT(errors_of(destination("connector = \"ftp\"\n")), Contains("found \"ftp\""));
    CHECK_THAT(errors_of(destination("[[destination]]\nname = \"erp\"\nurl = \"http://b\"\n")),
               Contains("destination[1].name: expected a name of its own"));
    CHECK_THAT(errors_of(k_least + "[[destination]]\nname = \"erp\"\n"),
               Contains("destination[0].url: is required"));
}

TEST_CASE("more destinations than there may be are refused") {
    std::string text = k_least;
    for (int i = 0; i < 9; ++i)
        text += "[[destination]]\nname = \"d" + std::to_string(i) + "\"\nurl = \"http://h\"\n";
    CHECK_THAT(errors_of(text), Contains("destination: expected at most 8, found 9"));
}

TEST_CASE("a token is not sent over plain http to another machine") {
    CHECK(good(destination("token_file = \"/t\"\n")).destinations[0].token_file == "/t");
    CHECK_THAT(errors_of(k_least + "[[destination]]\nname = \"e\"\nurl = \"http://erp.example\"\n"
                                   "token_file = \"/t\"\n"),
               Contains("a token is not sent over plain http"));
}

TEST_CASE("the admin http address is of this machine or refused") {
    CHECK_THAT(errors_of(k_least + "[admin]\nhttp_address = \"0.0.0.0\"\n"),
               Contains("expected an address of this machine alone"));
    CHECK(good(k_least + "[admin]\nhttp_address = \"::1\"\n").admin.http_address == "::1");
}

namespace {

const std::string k_tls = "[listener.tls]\ncertificate = \"/c\"\nkey = \"/k\"\n";
const std::string k_anybody = "[access]\nanonymous = \"allowed\"\n";

} // namespace

TEST_CASE("a listener that the network reaches is warned about") {
    auto warnings =
        good(k_least + "[listener]\naddress = \"0.0.0.0\"\nplain_text = \"allowed\"\n" + k_anybody)
            .warnings;
    CHECK_THAT(warnings.at(1) + warnings.at(2), Contains("without a password"));
}

TEST_CASE("the network reaches a listener with TLS only, unless plain text is allowed in words") {
    CHECK_THAT(errors_of(k_least + "[listener]\naddress = \"10.0.0.1\"\n"),
               Contains("expected [listener.tls]") && Contains("plain_text = \"allowed\""));
    CHECK_THAT(errors_of(k_least + "[listener]\nplain_text = \"never\"\n"),
               Contains("expected [listener.tls]"));
    CHECK_THAT(errors_of(k_least + "[listener]\nplain_text = \"yes\"\n"),
               Contains("\"loopback\" or \"allowed\" or \"never\""));
    const auto local = good(k_least).listener;
    CHECK(local.listens_plain());
    CHECK_FALSE(local.tls.present);
    const auto only =
        good(k_least + "[listener]\naddress = \"10.0.0.1\"\n" + k_tls + k_anybody).listener;
    CHECK_FALSE(only.listens_plain());
    CHECK(only.tls_address() == "10.0.0.1");
    CHECK(only.tls.port == 8883);
    const auto both =
        good(k_least + k_tls + "address = \"0.0.0.0\"\nport = 0\n" + k_anybody).listener;
    CHECK(both.listens_plain());
    CHECK(both.tls_address() == "0.0.0.0");
    CHECK(both.tls.port == 0);
    const auto open = good(k_least +
                           "[listener]\naddress = \"10.0.0.1\"\n"
                           "plain_text = \"allowed\"\n" +
                           k_tls + k_anybody)
                          .listener;
    CHECK(open.listens_plain());
    CHECK(open.tls.present);
}

TEST_CASE("the listener's TLS has a certificate, a key, and authorities where it asks devices") {
    CHECK_THAT(errors_of(k_least + "[listener.tls]\nkey = \"/k\"\n"),
               Contains("listener.tls.certificate: is required"));
    CHECK_THAT(errors_of(k_least + "[listener.tls]\ncertificate = \"c\"\nkey = \"/k\"\n"),
               Contains("expected an absolute path"));
    CHECK_THAT(errors_of(k_least + k_tls + "client_certificates = \"required\"\n"),
               Contains("expected client_ca beside it"));
    CHECK_THAT(errors_of(k_least + k_tls + "client_ca = \"/ca\"\n"),
               Contains("expected client_certificates ="));
    CHECK_THAT(errors_of(k_least + k_tls + "crl = \"/crl\"\n"),
               Contains("expected client_certificates ="));
    CHECK_THAT(errors_of(k_least + k_tls + "handshake_threads = 9\n"),
               Contains("a whole number from 1 to 8"));
    CHECK_THAT(errors_of(k_least + k_tls + "port = 1883\n"),
               Contains("expected it to differ from tls.port"));
    CHECK_THAT(errors_of(k_least + k_tls + "port = 9883\n"),
               Contains("expected http_port to differ from listener.tls.port"));
    const auto asks = good(k_least + k_tls +
                           "client_certificates = \"optional\"\n"
                           "client_ca = \"/ca\"\ncrl = \"/crl\"\n")
                          .listener.tls;
    CHECK(asks.client_certificates == client_certificates_choice::optional);
    CHECK(asks.client_ca == "/ca");
    CHECK(asks.crl == "/crl");
}

TEST_CASE("a destination with https has authorities, and a certificate with its key") {
    auto with = [](const std::string& rest, const char* url = "https://erp.example") {
        return k_least + "[[destination]]\nname = \"e\"\nurl = \"" + url + "\"\n" + rest;
    };
    const auto least = good(with("token_file = \"/t\"\n")).destinations[0];
    CHECK(least.url.tls);
    CHECK(least.tls_ca == "/etc/ssl/certs/ca-certificates.crt");
    CHECK(least.token_file == "/t");
    const auto all = good(with("tls_ca = \"/ca\"\ntls_crl = \"/crl\"\ntls_certificate = \"/c\"\n"
                               "tls_key = \"/k\"\n"))
                         .destinations[0];
    CHECK(all.tls_ca == "/ca");
    CHECK(all.tls_key == "/k");
    CHECK_THAT(errors_of(with("tls_key = \"/k\"\n")), Contains("together, found one of them"));
    CHECK_THAT(errors_of(with("tls_ca = \"/ca\"\n", "http://erp.example")),
               Contains("expected a url that begins with https://"));
    CHECK_THAT(errors_of(with("tls_ca = \"ca\"\n")), Contains("expected an absolute path"));
}

TEST_CASE("routes name a codec, a topic with a device, and a profile that is there") {
    auto route = [](const std::string& topic, const std::string& rest = "codec = \"protobuf\"\n") {
        return k_least + "[[route]]\ntopic = \"" + topic + "\"\n" + rest;
    };
    CHECK(good(route("a/{device}/#")).routes[0].codec == route_codec::protobuf);
    CHECK_THAT(errors_of(route("a/b")), Contains("neither {device}"));
    CHECK_THAT(errors_of(route("a/#/{device}")), Contains("'#' is for the last level"));
    CHECK_THAT(errors_of(route("{device}/{x}")), Contains("unknown placeholder {x}"));
    CHECK_THAT(errors_of(route("{device}", "")), Contains("codec: is required"));
    CHECK_THAT(errors_of(route("{device}", "codec = \"xml\"\n")),
               Contains("expected \"json\" or \"protobuf\" or \"protobuf_batch\" or "
                        "\"cloudevents\", found \"xml\""));
    CHECK_THAT(errors_of(route("{device}", "codec = \"json\"\nprofile = \"p\"\n")),
               Contains("expected the name of a [[profile]], found \"p\""));
}

TEST_CASE("a lane's target has a time and a part, or there is none") {
    const auto defaults = good(k_least).targets;
    CHECK(defaults[index_of(lane::shipment)].within_ms == 5'000);
    CHECK(defaults[index_of(lane::inventory)].within_ms == 30'000);
    CHECK(defaults[index_of(lane::count)].within_ms == 0);
    CHECK(defaults[index_of(lane::telemetry)].within_ms == 0);
    const auto set = good(k_least + "[target.shipment]\nwithin_ms = 0\n"
                                    "[target.count]\nwithin_ms = 60000\nobjective = 0.999\n")
                         .targets;
    CHECK(set[index_of(lane::shipment)].within_ms == 0);
    CHECK(set[index_of(lane::count)].within_ms == 60'000);
    CHECK(set[index_of(lane::count)].objective == 0.999);
    for (const char* wrong : {"1", "0.5", "0.99999", "\"0.99\"", "nan"})
        CHECK_THAT(errors_of(k_least + "[target.shipment]\nobjective = " + wrong + "\n"),
                   Contains("target.shipment.objective: expected a number with a point from 0.95 "
                            "to 0.9999"));
    CHECK_THAT(errors_of(k_least + "[target.shipments]\nwithin_ms = 1\n"),
               Contains("did you mean shipment?"));
}

TEST_CASE("a profile says after how long a device is silent") {
    const auto with = [](const std::string& line) {
        return k_least + "[[profile]]\nname = \"p\"\ndevices = [\"*\"]\n" + line;
    };
    CHECK(good(with("")).profiles[0].silent_after_s == 0);
    CHECK(good(with("silent_after_s = 900\n")).profiles[0].silent_after_s == 900);
    CHECK_THAT(errors_of(with("silent_after_s = 604801\n")),
               Contains("profile[0].silent_after_s: expected a whole number from 0 to 604800 (s)"));
}

TEST_CASE("event kinds go to the lane that the configuration says") {
    auto parsed = good(k_least + "[lanes]\nkinds = { milestone = \"telemetry\" }\n");
    CHECK(parsed.kind_lanes.at("milestone") == lane::telemetry);
    CHECK_THAT(errors_of(k_least + "[lanes]\nkinds = { milestones = \"telemetry\" }\n"),
               Contains("lanes.kinds.milestones: unknown key (did you mean milestone?)"));
}

TEST_CASE("every kind of event of the schema can be sent to another lane") {
    const auto* body = v1::Event::descriptor()->FindOneofByName("body");
    REQUIRE(body->field_count() > 0);
    for (int i = 0; i < body->field_count(); ++i) {
        auto kind = body->field(i)->name();
        CHECK(good(k_least + "[lanes]\nkinds = { " + kind + " = \"count\" }\n")
                  .kind_lanes.contains(kind));
    }
}

TEST_CASE("input without end or depth is refused") {
    CHECK(parse_config(std::string(300'000, '#'), "w").failure().code == errc::too_large);
    CHECK_THAT(errors_of("a = " + std::string(5000, '[')), Contains("nested too deep"));
}

TEST_CASE("errors are bounded and control characters do not reach the terminal") {
    std::string text = k_least + "[log]\n";
    for (int i = 0; i < 200; ++i)
        text += "unknown" + std::to_string(i) + " = 1\n";
    CHECK_THAT(errors_of(text), Contains("and 100 more"));
    CHECK_THAT(errors_of(k_least + "[log]\nlevel = \"\\u001b[31m\"\n"), Contains("\"?[31m\""));
}
