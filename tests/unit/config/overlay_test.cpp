// The fleet's overlay over a gateway's own file.
#include "gateway/config/overlay.hpp"

#include "gateway/config/keys.hpp"
#include "gateway/config/parse.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <regex>
#include <sstream>

using namespace wharf;
using Catch::Matchers::Contains;

namespace {

constexpr const char* k_own = R"(
[gateway]
name = "WH7"
site = "ber1"
[journal]
path = "/var/lib/wharf/journal"
[listener.tls]
certificate = "/etc/wharf/tls/gateway.pem"
key = "/etc/wharf/tls/gateway.key"
[[profile]]
name = "rfid"
devices = ["rfid-*"]
silent_after_s = 60
[[destination]]
name = "erp"
url = "https://erp.example.com"
token_file = "/etc/wharf/erp.token"
[fleet]
url = "ssl://fleet.example.com:8883"
password_file = "/etc/wharf/fleet.password"
user = "WH7"
overlay_files = "/etc/wharf/fleet.d"
[log]
level = "info"
)";

effective_config good(std::string_view overlay) {
    auto out = lay_over(k_own, "own.toml", overlay);
    if (!out.ok()) FAIL(out.failure().message);
    return std::move(*out);
}

std::string wrong(std::string_view overlay) {
    auto out = lay_over(k_own, "own.toml", overlay);
    REQUIRE_FALSE(out.ok());
    return out.failure().message;
}

std::string example_with_every_key() {
    std::ifstream in(WHARF_EXAMPLE_CONFIG);
    REQUIRE(in);
    std::ostringstream text;
    text << in.rdbuf();
    return std::regex_replace(text.str(), std::regex("(^|\n)#([a-z_]+ = |\\[)"), "$1$2");
}

} // namespace

TEST_CASE("tables are merged, values and lists are replaced as a whole") {
    const auto out = good("log.level = \"debug\"\n[listener]\nport = 1884\n"
                          "[[destination]]\nname = \"wms\"\nurl = \"http://127.0.0.1:1\"\n");
    CHECK(out.settings.log.level == log_level::debug);
    CHECK(out.settings.listener.port == 1884);
    CHECK(out.settings.listener.tls.certificate == "/etc/wharf/tls/gateway.pem");
    REQUIRE(out.settings.destinations.size() == 1);
    CHECK(out.settings.destinations[0].name == "wms");
    CHECK(out.settings.destinations[0].token_file.empty());
    CHECK(out.settings.gateway.name == "WH7");
}

TEST_CASE("what comes out is text with the same meaning, and an empty overlay is none") {
    const auto out = good("log.level = \"debug\"\n");
    const auto again = lay_over(out.text, "effective", "");
    REQUIRE(again.ok());
    CHECK(again->text == out.text);
    CHECK(again->settings.log.level == log_level::debug);
    CHECK(good("").settings.log.level == log_level::info);
    CHECK(good("# nothing\n").text == good("").text);
    CHECK(good("destination = []\n").settings.destinations.empty());
}

TEST_CASE("an overlay does not say what the gateway is, by no spelling") {
    const char* overlay = GENERATE(
        "gateway.name = \"X\"", "[gateway]\nsite = \"x\"", "gateway = { name = \"X\" }",
        "\"gateway\".\"name\" = \"X\"", "journal.path = \"/tmp/x\"", "fleet.key_file = \"/tmp/x\"",
        "fleet.operators_file = \"/etc/wharf/fleet.d/o\"", "fleet.overlay_files = \"/\"",
        "device.helper = \"/bin/sh\"", "admin.socket = \"/tmp/x\"", "bridge.socket = \"/tmp/x\"");
    CAPTURE(overlay);
    CHECK_THAT(wrong(overlay), Contains("own file alone"));
}

TEST_CASE("an overlay names no file but those that are named for the same, or granted") {
    const auto token = [](const std::string& file) {
        return "[[destination]]\nname = \"erp\"\nurl = \"https://elsewhere.example.com\"\n"
               "token_file = \"" +
               file + "\"\n";
    };
    CHECK(good(token("/etc/wharf/erp.token")).settings.destinations[0].token_file ==
          "/etc/wharf/erp.token");
    CHECK(good(token("/etc/wharf/fleet.d/new.token")).settings.destinations.size() == 1);
    for (const char* file :
         {"/etc/shadow", "/etc/wharf/tls/gateway.key", "/etc/wharf/fleet.password",
          "/etc/wharf/fleet.d/../erp.token", "/etc/wharf/fleet.d/..", "/etc/wharf/fleet.d",
          "/etc/wharf/fleet.d/", "/etc/wharf/fleet.d2/x", "/etc/wharf/./erp.token"}) {
        CAPTURE(file);
        CHECK_THAT(wrong(token(file)), Contains("destination[0].token_file: expected a file"));
    }
    CHECK_THAT(wrong("fleet.password_file = \"/etc/wharf/erp.token\""),
               Contains("fleet.password_file"));
    CHECK_THAT(wrong("listener.tls.certificate = \"/etc/passwd\""),
               Contains("listener.tls.certificate"));
}

TEST_CASE("everything that is wrong with an overlay is said, by its key") {
    const auto words = wrong("gateway.name = \"X\"\nlistener.port = 70000\nlog.levle = 1\n");
    CHECK_THAT(words, Contains("gateway.name: "));
    CHECK_THAT(words, Contains("listener.port: expected a whole number"));
    CHECK_THAT(words, Contains("log.levle: unknown key (did you mean level?)"));
    CHECK_THAT(wrong("a = "), Contains("not TOML"));
    CHECK_THAT(wrong(std::string(limits::k_overlay_bytes_max + 1, '\n')), Contains("at most"));
    CHECK_THAT(wrong("a = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["), Contains("nested too deep"));
}

TEST_CASE("a difference is told key by key") {
    const auto before = flattened(good("").text, "a");
    const auto after = flattened(
        good("log.level = \"debug\"\nlistener.port = 1884\ndestination = []\n").text, "b");
    REQUIRE(before.ok());
    REQUIRE(after.ok());
    const auto changes = difference(*before, *after);
    const auto has = [&](const key_change& one) {
        return std::ranges::find(changes, one) != changes.end();
    };
    CHECK(has({"log.level", "'info'", "'debug'"}));
    CHECK(has({"listener.port", "", "1884"}));
    CHECK(has({"destination[0].name", "'erp'", ""}));
    CHECK(difference(*before, *before).empty());
}

TEST_CASE("live is what concerns keys that are live alone") {
    const auto own = good("");
    CHECK(can_change_live(own, own));
    CHECK(can_change_live(own, good("log.level = \"debug\"\ntarget.count.within_ms = 500\n")));
    const std::string profile = "[[profile]]\nname = \"rfid\"\ndevices = [\"rfid-*\"]\n";
    CHECK(can_change_live(own, good(profile + "silent_after_s = 61\n")));
    CHECK_FALSE(can_change_live(own, good(profile)));
    CHECK_FALSE(can_change_live(own, good(profile + "double_trigger = \"drop\"\n")));
    CHECK_FALSE(can_change_live(own, good("log.level = \"debug\"\nlistener.port = 1884\n")));
    CHECK_FALSE(can_change_live(own, good("log.format = \"json\"\n")));
    const auto tagged = good("gateway.tags = [\"test\", \"cold-store\"]\n");
    CHECK(can_change_live(own, tagged));
    CHECK(tagged.settings.gateway.tags == std::vector<std::string>{"test", "cold-store"});
}

TEST_CASE("of every key it is known whether the fleet may set it and whether it is live") {
    const auto keys = keys_read(example_with_every_key());
    if (!keys.ok()) FAIL(keys.failure().message);
    CHECK(keys->size() > 100);
    std::size_t values = 0;
    for (const std::string& key : *keys) {
        const bool table = std::ranges::any_of(*keys, [&](const std::string& other) {
            return other.starts_with(key + ".") || other.starts_with(key + "[");
        });
        if (table) continue;
        CAPTURE(key);
        CHECK(find_key_rule(key) != nullptr);
        ++values;
    }
    CHECK(values > 80);
    CHECK(find_key_rule("gateway.colour") == nullptr);
    CHECK(find_key_rule("target.shipment.x.within_ms") == nullptr);
    // Whatever names a file says so: by its name, or because it has to be an absolute path.
    for (const std::string& key : *keys)
        if (key.ends_with("_file") || key.ends_with("path") || key.ends_with("socket")) {
            CAPTURE(key);
            CHECK(find_key_rule(key)->reach != key_reach::free);
        }
}
