#include "tests/unit/mqtt/recording_sink.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::mqtt;
using wire::hex;
using wire::publish;
using wire::text;

TEST_CASE("a packet before CONNECT closes the connection without an answer") {
    for (const auto& bytes : {publish(4, 0, 0), wire::pingreq(), wire::disconnect(), hex("30"),
                              hex("0000"), hex("f000"), hex("474554202f")}) {
        exchange e;
        // A lone first byte is not yet a header; its second makes it one.
        CHECK(e.send(bytes.size() == 1 ? bytes + hex("00") : bytes).empty());
        CHECK(e.machine.closed());
        CHECK(e.sink.closes.size() == 1);
        CHECK(e.sink.ends.empty());
    }
}

TEST_CASE("a violation is a DISCONNECT with its reason in MQTT 5 and a plain close in 3.1.1") {
    struct violation {
        const char* what;
        std::string bytes;
        const char* code;
    };
    const std::vector<violation> cases = {
        {"second CONNECT", wire::connect(5), "82"},
        {"QoS 3", hex("3600"), "81"},
        {"topic wildcard", publish(5, 0, 0, "x", false, "a/#"), "81"},
        {"packet id 0", publish(5, 1, 0), "82"},
        {"alias past the maximum", publish(5, 0, 0, "x", false, "a", hex("230041")), "94"},
        {"alias 0", publish(5, 0, 0, "x", false, "a", hex("230000")), "94"},
        {"alias without a topic", publish(5, 0, 0, "x", false, "", hex("230001")), "82"},
        {"AUTH", wire::packet(0xf0, hex("18 00")), "82"},
        {"length not in the shortest form", hex("c08000"), "81"},
        {"CONNACK from a client", hex("20020000"), "82"},
        {"bad filter", wire::packet(0x82, hex("000100") + text("a#") + hex("00")), "8f"},
        {"PINGREQ with a body", hex("c00100"), "81"},
        {"expiry raised from 0", wire::packet(0xe0, hex("00 05 11 00000001")), "82"},
    };
    for (const auto& c : cases) {
        INFO(c.what);
        exchange e;
        e.connected(5);
        const auto answer = to_hex(e.send(c.bytes));
        REQUIRE(answer.starts_with("e0"));
        CHECK(answer.substr(4, 2) == c.code);
        CHECK(e.machine.closed());
        CHECK(e.sink.closes.size() == 1);
        REQUIRE(e.sink.ends.size() == 1);
        CHECK(e.sink.ends[0].publish_will);
        CHECK(e.sink.published.empty());
    }
    for (const auto& bytes : {wire::connect(4), hex("3600"), publish(4, 0, 0, "x", false, "#"),
                              publish(4, 1, 0), hex("f000"), hex("c00100")}) {
        exchange e;
        e.connected(4);
        CHECK(e.send(bytes).empty());
        CHECK(e.machine.closed());
        CHECK(e.sink.closes.size() == 1);
        CHECK(e.sink.ends.size() == 1);
    }
}

TEST_CASE("what 3.1.1 leaves open is accepted") {
    exchange e;
    e.connected(4);
    CHECK(to_hex(e.send(hex("c08000"))) == "d000"); // a length in a longer form
    e.send(wire::packet(0x31, wire::publish_body(4, 0, 0, "a", "x")));
    REQUIRE(e.sink.published.size() == 1);
    CHECK(e.sink.published[0].retain);
}

TEST_CASE("DISCONNECT takes the will back and bytes after it are not read") {
    exchange e;
    e.connected(4);
    CHECK(e.send(wire::disconnect() + publish(4, 1, 1)).empty());
    CHECK(e.sink.published.empty());
    REQUIRE(e.sink.ends.size() == 1);
    CHECK_FALSE(e.sink.ends[0].publish_will);
    CHECK(e.sink.closes.size() == 1);
    CHECK(e.send(publish(4, 1, 2)).empty());
    CHECK(e.sink.published.empty());
}

TEST_CASE("an MQTT 5 DISCONNECT may keep the will and change the session expiry") {
    session_limits limits;
    limits.session_expiry_s_max = 600;
    exchange e(limits);
    e.connected(5, 0, hex("110000000a"));
    e.send(wire::packet(0xe0, hex("04 05 11 00010000")));
    REQUIRE(e.sink.ends.size() == 1);
    CHECK(e.sink.ends[0].publish_will);
    CHECK(e.sink.ends[0].session_expiry_s == 600);
    exchange zero(limits);
    zero.connected(5, 0, hex("110000000a"));
    zero.send(wire::packet(0xe0, hex("00 05 11 00000000")));
    REQUIRE(zero.sink.ends.size() == 1);
    CHECK(zero.sink.ends[0].session_expiry_s == 0);
    CHECK(zero.sink.closes == std::vector<std::string>{""});
    exchange unhappy(limits);
    unhappy.connected(5);
    unhappy.send(hex("e00195"));
    CHECK(unhappy.sink.closes ==
          std::vector<std::string>{"the client disconnected: Packet too large"});
    CHECK(unhappy.sink.ends.at(0).publish_will);
    exchange same(limits);
    same.connected(5, 0, hex("110000000a"));
    same.send(wire::disconnect());
    CHECK(same.sink.ends.at(0).session_expiry_s == 10);
}

TEST_CASE("the server's end is worded in MQTT 5 and plain in 3.1.1") {
    exchange e;
    e.connected(5);
    e.send(publish(5, 1, 1));
    e.machine.end(reason::server_shutting_down);
    CHECK(e.drain() == hex("e019 8b 17 1f") + text("Server shutting down"));
    CHECK(e.sink.ends.size() == 1);
    CHECK(e.publish_done(0).empty());
    exchange old;
    old.connected(4);
    old.machine.end(reason::server_shutting_down);
    CHECK(old.drain().empty());
    CHECK(old.sink.closes == std::vector<std::string>{"Server shutting down"});
    exchange opening;
    opening.sink.accept_at_once = false;
    opening.send(wire::connect(5));
    opening.machine.end(reason::server_shutting_down);
    CHECK(to_hex(opening.drain()).substr(4, 4) == "0088"); // a CONNACK has no 0x8B
    opening.machine.on_opened(false, {});
    CHECK(opening.sink.ends.size() == 1);
}

TEST_CASE("a session that was taken over is not ended by the connection it was taken from") {
    exchange e;
    e.connected(5);
    e.machine.end(reason::session_taken_over);
    CHECK(to_hex(e.drain()).substr(4, 2) == "8e");
    CHECK(e.sink.ends.empty());
    CHECK(e.sink.closes.size() == 1);
    exchange opening;
    opening.sink.accept_at_once = false;
    opening.send(wire::connect(4));
    opening.machine.end(reason::session_taken_over);
    CHECK(to_hex(opening.drain()) == "20020003");
    opening.machine.on_opened(false, {});
    CHECK(opening.sink.ends.empty());
}

TEST_CASE("after its end a session is inert") {
    exchange e;
    e.connected(5, 10);
    e.send(publish(5, 1, 1) + publish(5, 2, 2));
    e.machine.on_transport_closed();
    REQUIRE(e.sink.ends.size() == 1);
    CHECK(e.sink.ends[0].publish_will);
    CHECK(e.sink.closes.empty()); // there is nothing left to close
    e.publish_done(0);
    e.publish_done(1, reason::quota_exceeded);
    e.machine.on_released(77);
    e.machine.on_bytes(publish(5, 1, 3), 1);
    CHECK(e.machine.on_tick(1'000'000) == session::k_never);
    e.machine.end(reason::server_shutting_down);
    e.machine.on_transport_closed();
    CHECK(e.drain().empty());
    CHECK_FALSE(e.machine.wants_bytes());
    CHECK(e.sink.ends.size() == 1);
    CHECK(e.sink.closes.empty());
}
