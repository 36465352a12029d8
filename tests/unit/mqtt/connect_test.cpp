#include "tests/unit/mqtt/recording_sink.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::mqtt;
using wire::hex;
using wire::text;

TEST_CASE("a 3.1.1 CONNECT is answered once the session is open") {
    exchange e;
    e.sink.accept_at_once = false;
    CHECK(e.send(wire::connect(4, 0x02, 30)).empty());
    REQUIRE(e.sink.opens.size() == 1);
    CHECK(e.sink.opens[0].client_id == "scanner-7");
    CHECK(e.sink.opens[0].clean_start);
    CHECK(e.sink.opens[0].version == 4);
    CHECK(e.sink.opens[0].session_expiry_s == 0);
    CHECK(e.sink.opens[0].keep_alive_s == 30);
    CHECK_FALSE(e.machine.wants_bytes());
    e.machine.on_opened(false, {});
    CHECK(to_hex(e.drain()) == "20020000");
    CHECK(e.machine.wants_bytes());
}

TEST_CASE("Session Present is what the shell says") {
    exchange e;
    e.sink.accept_at_once = false;
    e.send(wire::connect(4, 0));
    CHECK(e.sink.opens.at(0).session_expiry_s == limits::k_session_expiry_s_max);
    e.machine.on_opened(true, {});
    CHECK(to_hex(e.drain()) == "20020100");
}

TEST_CASE("an MQTT 5 CONNACK announces the limits") {
    session_limits limits;
    limits.receive_maximum = 16;
    limits.packet_bytes_max = 65536;
    limits.topic_alias_maximum = 8;
    exchange e(limits);
    CHECK(e.send(wire::connect(5)) == hex("20 10 0000 0d 210010 2700010000 220008 2a00"));
}

TEST_CASE("an MQTT 5 client without an identifier is told the one it got") {
    exchange e;
    const auto answer = e.send(wire::connect(5, 2, 60, ""));
    CHECK(e.sink.opens.at(0).client_id == "assigned");
    CHECK(e.sink.opens.at(0).assigned);
    CHECK(answer.find(hex("12") + text("assigned")) != std::string::npos);
}

TEST_CASE("a 3.1.1 client without an identifier gets one only with a clean session") {
    exchange e;
    CHECK(to_hex(e.send(wire::connect(4, 2, 0, ""))) == "20020000");
    CHECK(e.sink.opens.at(0).client_id == "assigned");
    exchange refused;
    CHECK(to_hex(refused.send(wire::connect(4, 0, 0, ""))) == "20020002");
    CHECK(refused.sink.opens.empty());
    CHECK(refused.sink.closes.size() == 1);
    CHECK(refused.sink.ends.empty());
}

TEST_CASE("credentials and the will reach the shell") {
    exchange e;
    e.send(wire::packet(0x10, text("MQTT") + hex("04 c6 0000") + text("dev") + text("will/t") +
                                  text("gone") + text("user") + text("pass")));
    CHECK(e.sink.opens.at(0).username == "user");
    CHECK(e.sink.opens.at(0).password == "pass");
    CHECK(e.sink.opens.at(0).will_topic == "will/t");
}

TEST_CASE("a session expiry past the cap is capped and announced") {
    session_limits limits;
    limits.session_expiry_s_max = 600;
    exchange e(limits);
    auto answer = e.send(wire::connect(5, 0, 60, "c", hex("11ffffffff")));
    CHECK(e.sink.opens.at(0).session_expiry_s == 600);
    CHECK(answer.find(hex("1100000258")) != std::string::npos);
    exchange within(limits);
    answer = within.send(wire::connect(5, 0, 60, "c", hex("1100000258")));
    CHECK(within.sink.opens.at(0).session_expiry_s == 600);
    CHECK(answer.find(hex("1100000258")) == std::string::npos);
}

TEST_CASE("a keep-alive of 0 or past the maximum is replaced and announced in MQTT 5 only") {
    session_limits limits;
    limits.keep_alive_s_max = 100;
    for (const unsigned asked : {0u, 101u}) {
        exchange e(limits);
        const auto answer = e.send(wire::connect(5, 2, asked));
        CHECK(e.sink.opens.at(0).keep_alive_s == 100);
        CHECK(answer.ends_with(hex("130064")));
    }
    exchange same(limits);
    CHECK_FALSE(same.send(wire::connect(5, 2, 100)).ends_with(hex("130064")));
    exchange old(limits);
    old.send(wire::connect(4, 2, 101));
    CHECK(old.sink.opens.at(0).keep_alive_s == 101);
    exchange off(limits);
    off.send(wire::connect(4, 2, 0));
    CHECK(off.machine.on_tick(1'000'000'000) == session::k_never);
}

TEST_CASE("a refusal by the shell is worded in the client's version") {
    exchange old;
    old.sink.accept_at_once = false;
    old.send(wire::connect(4));
    old.machine.on_refused(reason::bad_user_name_or_password, "who are you");
    CHECK(to_hex(old.drain()) == "20020004");
    CHECK(old.sink.closes == std::vector<std::string>{"who are you"});
    CHECK(old.sink.ends.empty());
    exchange e;
    e.sink.accept_at_once = false;
    e.send(wire::connect(5));
    e.machine.on_refused(reason::not_authorized, "no");
    CHECK(e.drain() == hex("2008 0087 05 1f") + text("no"));
    CHECK(e.machine.closed());
}

TEST_CASE("a CONNECT of another protocol version is refused in words it can read") {
    exchange mqisdp;
    CHECK(to_hex(mqisdp.send(wire::packet(0x10, text("MQIsdp") + hex("03020000") + text("a")))) ==
          "20020001");
    CHECK(mqisdp.machine.closed());
    exchange three;
    CHECK(to_hex(three.send(wire::connect(3))) == "20020001");
    CHECK(three.sink.closes.size() == 1);
    exchange six;
    CHECK(six.send(wire::connect(6)).starts_with(hex("20")));
    exchange six_again;
    CHECK(to_hex(six_again.send(wire::connect(6))).substr(4, 4) == "0084");
    exchange other;
    CHECK(other.send(wire::packet(0x10, text("HTTP") + hex("05020000") + text("a"))).empty());
    CHECK(other.sink.closes.size() == 1);
}

TEST_CASE("what MQTT 5 asks for and this server lacks is refused in the CONNACK") {
    exchange auth;
    auto answer = to_hex(auth.send(wire::connect(5, 2, 60, "c", hex("15") + text("SCRAM"))));
    CHECK(answer.substr(4, 4) == "008c");
    CHECK(auth.machine.closed());
    exchange long_will;
    const std::string topic(limits::k_topic_bytes_max + 1, 'w');
    answer =
        to_hex(long_will.send(wire::packet(0x10, text("MQTT") + hex("05 26 0000 00") + text("c") +
                                                     hex("00") + text(topic) + text("p"))));
    CHECK(answer.substr(4, 4) == "0090");
    CHECK(long_will.machine.closed());
    exchange long_id;
    answer = to_hex(
        long_id.send(wire::connect(5, 2, 60, std::string(limits::k_client_id_bytes_max + 1, 'c'))));
    CHECK(answer.substr(4, 4) == "0085");
    exchange old_long_id;
    CHECK(to_hex(old_long_id.send(wire::connect(
              4, 2, 60, std::string(limits::k_client_id_bytes_max + 1, 'c')))) == "20020002");
}

TEST_CASE("a malformed CONNECT is answered in MQTT 5 and only closed in 3.1.1") {
    exchange five;
    CHECK(to_hex(five.send(wire::connect(5, 3))).substr(4, 4) == "0081");
    CHECK(five.machine.closed());
    exchange four;
    CHECK(four.send(wire::connect(4, 3)).empty());
    CHECK(four.sink.closes.size() == 1);
}

TEST_CASE("a CONNACK that does not fit the client's Maximum Packet Size is not sent") {
    exchange e;
    CHECK(e.send(wire::connect(5, 2, 60, "c", hex("2700000010"))).empty());
    CHECK(e.sink.closes.size() == 1);
    CHECK(e.sink.ends.size() == 1); // the shell had opened it
    exchange fits;
    CHECK(fits.send(wire::connect(5, 2, 60, "c", hex("2700000040"))).size() > 16);
    CHECK(fits.machine.opened());
}

TEST_CASE("a session that opens after its connection has gone is ended at once") {
    exchange e;
    e.sink.accept_at_once = false;
    e.send(wire::connect(5, 0, 60, "c", hex("1100000005")));
    e.machine.on_transport_closed();
    CHECK(e.sink.ends.empty());
    CHECK(e.sink.closes.empty());
    e.machine.on_opened(true, {});
    REQUIRE(e.sink.ends.size() == 1);
    CHECK(e.sink.ends[0].session_expiry_s == 5);
    CHECK(e.sink.ends[0].publish_will);
    CHECK(e.drain().empty());
}

TEST_CASE("a refusal after the connection has gone is no event") {
    exchange e;
    e.sink.accept_at_once = false;
    e.send(wire::connect(5));
    e.machine.on_transport_closed();
    e.machine.on_refused(reason::not_authorized, "no");
    CHECK(e.sink.ends.empty());
    CHECK(e.sink.closes.empty());
    CHECK(e.drain().empty());
}

TEST_CASE("no CONNECT within the time-out closes the connection") {
    exchange e;
    CHECK(e.machine.on_tick(0) == limits::k_connect_timeout_ms);
    e.machine.on_bytes(hex("10"), 9000); // a beginning does not count
    CHECK(e.machine.on_tick(limits::k_connect_timeout_ms - 1) == limits::k_connect_timeout_ms);
    CHECK(e.machine.on_tick(limits::k_connect_timeout_ms) == session::k_never);
    CHECK(e.sink.closes == std::vector<std::string>{"no CONNECT in time"});
    CHECK(e.drain().empty());
}

TEST_CASE("a client silent for one and a half keep-alives is disconnected") {
    exchange e;
    e.connected(5, 10);
    CHECK(e.machine.on_tick(14'999) == 15'000);
    e.now_ms = 14'999;
    CHECK(to_hex(e.send(wire::pingreq())) == "d000");
    CHECK(e.machine.on_tick(29'998) == 29'999);
    CHECK(e.machine.on_tick(29'999) == session::k_never);
    CHECK(to_hex(e.drain()).substr(4, 2) == "8d");
    REQUIRE(e.sink.ends.size() == 1);
    CHECK(e.sink.ends[0].publish_will);
    exchange old;
    old.connected(4, 10);
    CHECK(old.machine.on_tick(15'000) == session::k_never);
    CHECK(old.drain().empty());
    CHECK(old.sink.closes.size() == 1);
}

TEST_CASE("the keep-alive does not run while the server does not read") {
    session_limits limits;
    limits.receive_maximum = 1;
    exchange e(limits);
    e.connected(4, 10);
    e.send(wire::publish(4, 1, 1));
    CHECK_FALSE(e.machine.wants_bytes());
    for (std::int64_t now = 10'000; now <= 100'000; now += 10'000)
        CHECK(e.machine.on_tick(now) == now + 15'000);
    e.publish_done(0);
    CHECK(e.machine.wants_bytes());
    CHECK(e.machine.on_tick(110'000) == 125'000);
    CHECK(e.machine.on_tick(125'000) == session::k_never);
    CHECK(e.machine.closed());
}
