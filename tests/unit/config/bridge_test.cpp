#include "gateway/config/bridge.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <regex>
#include <sstream>

using namespace wharf;
using Catch::Matchers::Contains;

namespace {

std::string with(const std::string& more, const std::string& url = "tcp://broker") {
    return "[bridge]\nname = \"wms\"\n[[broker]]\nname = \"site\"\nurl = \"" + url +
           "\"\ntopics = [\"a/#\"]\n" + more;
}

bridge_config good(const std::string& text) {
    auto parsed = parse_bridge_config(text, "b");
    if (!parsed.ok()) FAIL(parsed.failure().message);
    return std::move(*parsed);
}

std::string errors_of(const std::string& text) {
    auto parsed = parse_bridge_config(text, "b");
    return parsed.ok() ? "good" : parsed.failure().message;
}

} // namespace

TEST_CASE("the bridge's example is valid as it stands and with every key switched on") {
    std::ifstream in(WHARF_EXAMPLE_BRIDGE);
    REQUIRE(in);
    std::ostringstream text;
    text << in.rdbuf();
    const auto plain = good(text.str());
    const auto every =
        good(std::regex_replace(text.str(), std::regex("(^|\n)#([a-z_0-9]+ = )"), "$1$2"));
    const auto& a = plain.brokers.at(0);
    const auto& b = every.brokers.at(0);
    CHECK(every.socket == plain.socket);
    CHECK(b.client_id == a.client_id);
    CHECK(b.mqtt5 == a.mqtt5);
    CHECK(b.keep_alive_s == a.keep_alive_s);
    CHECK(b.session_expiry_h == a.session_expiry_h);
    CHECK(b.connect_timeout_s == a.connect_timeout_s);
    CHECK(b.backoff_min_ms == a.backoff_min_ms);
    CHECK(b.backoff_max_ms == a.backoff_max_ms);
    CHECK(b.packet_ids_not_reused == a.packet_ids_not_reused);
    CHECK(b.user == "wharf");
}

TEST_CASE("a broker's address is tcp or ssl, with the port that is usual there") {
    CHECK(good(with("", "tcp://broker")).brokers[0].url == "tcp://broker:1883");
    CHECK(good(with("", "ssl://broker")).brokers[0].url == "ssl://broker:8883");
    CHECK(good(with("", "tcp://[::1]")).brokers[0].url == "tcp://[::1]:1883");
    CHECK(good(with("", "ssl://10.0.0.5:99")).brokers[0].url == "ssl://10.0.0.5:99");
    CHECK(good(with("", "ssl://10.0.0.5:99")).brokers[0].tls);
    for (const char* url : {"http://broker", "broker", "tcp://", "tcp://broker/x", "tcp://broker/",
                            "tcp://u:p@broker", "tcp://broker:99999"})
        CHECK_THAT(errors_of(with("", url)),
                   Contains("url: expected tcp://host[:port] or ssl://host[:port], found"));
}

TEST_CASE("files for TLS and passwords make sense together or are refused") {
    CHECK_THAT(errors_of(with("ca_file = \"/x\"\n")),
               Contains("expected url to begin with ssl://"));
    CHECK_THAT(errors_of(with("certificate_file = \"/x\"\n", "ssl://b")),
               Contains("expected certificate_file and key_file, or neither"));
    CHECK_THAT(errors_of(with("password_file = \"/x\"\n")), Contains("expected user beside it"));
    CHECK_THAT(errors_of(with("password_file = \"x\"\n")), Contains("expected an absolute path"));
    CHECK(good(with("user = \"u\"\n")).warnings.size() == 1);
    CHECK(good(with("user = \"u\"\n", "tcp://127.0.0.1")).warnings.empty());
    CHECK(good(with("user = \"u\"\n", "ssl://b")).warnings.empty());
}

TEST_CASE("what is missing, twice or unknown is said with its line") {
    CHECK_THAT(errors_of(""), Contains("bridge.name: is required"));
    CHECK_THAT(errors_of(""), Contains("expected at least one [[broker]]"));
    CHECK_THAT(errors_of(with("keepalive_s = 7\n")),
               Contains("b:7: broker[0].keepalive_s: unknown key (did you mean keep_alive_s?)"));
    CHECK_THAT(errors_of(with("mqtt = \"4\"\n")), Contains("expected \"5\" or \"3.1.1\""));
    CHECK_THAT(errors_of(with("mqtt = \"3.1.1\"\nsession_expiry_h = 7\n")),
               Contains("in 3.1.1 the broker alone decides"));
    CHECK_THAT(errors_of(with("[[broker]]\nname = \"site\"\nurl = \"tcp://b\"\ntopics = []\n")),
               Contains("expected a name of its own") && Contains("at least one topic filter"));
    CHECK_THAT(errors_of(with("client_id = \"c\"\n[[broker]]\nname = \"two\"\nclient_id = \"c\"\n"
                              "url = \"tcp://broker:1883\"\ntopics = [\"b\"]\n")),
               Contains("two connections of one client id end each other"));
}

TEST_CASE("a topic filter is one") {
    for (const char* filter : {"a", "a/b", "#", "+", "a/+/b", "a/#", "/", "$share/g/a/#", "a//b"})
        CHECK(check_topic_filter(filter).empty());
    for (const char* filter :
         {"", "a#", "#/a", "a+/b", "$share/g", "$share//a", "$share/g/", "$share/+/a", "a\nb"})
        CHECK_FALSE(check_topic_filter(filter).empty());
}
