#include "gateway/base/http_url.hpp"

#include <catch2/catch.hpp>

using namespace wharf;

TEST_CASE("an http url is taken apart") {
    auto url = parse_http_url("http://erp.example:8080/base/").value();
    CHECK(url.host == "erp.example");
    CHECK(url.port == 8080);
    CHECK(url.path == "/base");
    CHECK(parse_http_url("http://10.0.0.1").value().port == 80);
    CHECK(parse_http_url("http://[::1]:81/").value().host == "::1");
    CHECK(to_string(parse_http_url("http://[::1]:81/x").value()) == "http://[::1]:81/x");
}

TEST_CASE("an https url has a port of its own, which is not said") {
    auto url = parse_http_url("https://erp.example/base").value();
    CHECK(url.tls);
    CHECK(url.port == 443);
    CHECK(url.authority() == "erp.example");
    CHECK(to_string(url) == "https://erp.example/base");
    CHECK(parse_http_url("https://erp.example:80").value().authority() == "erp.example:80");
    CHECK(parse_http_url("http://erp.example:443").value().authority() == "erp.example:443");
    CHECK_FALSE(parse_http_url("http://erp.example").value().tls);
    CHECK_FALSE(parse_http_url("https://").ok());
}

TEST_CASE("what is not an http url is refused") {
    for (const char* text :
         {"", "erp", "ftp://a", "http://", "http://:80", "http://a:0", "http://a:65536",
          "http://a:", "http://a:8x", "http://a b", "http://u@a", "http://a/?q", "http://a/#f",
          "http://[::1", "http://[x]", "http://[::1]x", "http://1.2.3", "http://a..b",
          "http://256.1.1.1"}) {
        INFO(text);
        CHECK_FALSE(parse_http_url(text).ok());
    }
}

TEST_CASE("addresses in numbers are told from names") {
    for (const char* text : {"127.0.0.1", "0.0.0.0", "::", "::1", "fe80::1", "1:2:3:4:5:6:7:8"})
        CHECK(is_ip_address(text));
    for (const char* text : {"", "1.2.3", "1.2.3.4.5", "01.2.3.4", "localhost", ":", ":1",
                             "1:", "1::2::3", "1:2:3:4:5:6:7:8:9", "12345::", "1:2:3"}) {
        INFO(text);
        CHECK_FALSE(is_ip_address(text));
    }
}

TEST_CASE("only addresses of this machine are loopback") {
    CHECK(is_loopback("127.8.9.1"));
    CHECK(is_loopback("::1"));
    CHECK(is_loopback("localhost"));
    CHECK_FALSE(is_loopback("127.0.0.1.example"));
    CHECK_FALSE(is_loopback("10.0.0.1"));
}
