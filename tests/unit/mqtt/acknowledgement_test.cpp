#include "tests/unit/mqtt/recording_sink.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::mqtt;
using wire::hex;
using wire::publish;
using wire::text;

TEST_CASE("a PUBACK is withheld until the commit returns") {
    exchange e;
    e.connected(4);
    CHECK(e.send(publish(4, 1, 7, "hello")).empty());
    REQUIRE(e.sink.published.size() == 1);
    CHECK(e.sink.published[0].topic == "a/b");
    CHECK(e.sink.published[0].payload == "hello");
    CHECK(e.sink.published[0].qos == 1);
    CHECK(e.sink.published[0].packet_id == 7);
    CHECK(to_hex(e.publish_done(0)) == "40020007");
    CHECK(e.machine.owed_count() == 0);
}

TEST_CASE("acknowledgements leave in the order of their packets, whatever the order of commits") {
    for (const unsigned level : {4u, 5u}) {
        exchange e;
        e.connected(level);
        e.send(publish(level, 1, 1) + publish(level, 2, 2) + publish(level, 0, 0) +
               publish(level, 1, 3) + publish(level, 1, 4));
        REQUIRE(e.sink.published.size() == 5);
        CHECK(e.publish_done(4).empty());
        CHECK(e.publish_done(1).empty());
        CHECK(to_hex(e.publish_done(0)) == "4002000150020002");
        CHECK(e.publish_done(3).empty());
        CHECK(to_hex(e.publish_done(2)) == "4002000340020004");
    }
}

TEST_CASE("a PUBLISH may be answered from within the call") {
    exchange e;
    e.sink.publish_at_once = true;
    e.connected(5);
    CHECK(to_hex(e.send(publish(5, 1, 1) + publish(5, 2, 2) + wire::pubrel(2) +
                        publish(5, 0, 0))) == "400200015002000270020002");
    CHECK(e.sink.published.size() == 3);
    CHECK(e.machine.owed_count() == 0);
    CHECK(e.machine.unacknowledged_bytes() == 0);
}

TEST_CASE("an MQTT 5 reason reaches the client and a QoS 0 one goes nowhere") {
    exchange e;
    e.connected(5);
    e.send(publish(5, 1, 1) + publish(5, 1, 2) + publish(5, 2, 3) + publish(5, 0, 0));
    CHECK(to_hex(e.publish_done(0, reason::no_matching_subscribers)) == "4003000110");
    CHECK(to_hex(e.publish_done(1, reason::quota_exceeded)) == "4003000297");
    CHECK(to_hex(e.publish_done(2, reason::not_authorized)) == "5003000387");
    CHECK(e.publish_done(3, reason::not_authorized).empty());
    CHECK(e.machine.opened());
    // A refused identifier is free again.
    e.send(publish(5, 2, 3));
    CHECK(e.sink.published.size() == 5);
    CHECK(to_hex(e.publish_done(4)) == "50020003");
}

TEST_CASE("a refusal closes a 3.1.1 connection without the acknowledgement, in its turn") {
    exchange e;
    e.connected(4);
    e.send(publish(4, 1, 1) + publish(4, 1, 2) + publish(4, 1, 3));
    CHECK(e.publish_done(1, reason::quota_exceeded).empty());
    CHECK(e.machine.opened());
    CHECK(to_hex(e.publish_done(0)) == "40020001");
    CHECK(e.machine.closed());
    CHECK(e.sink.closes.size() == 1);
    CHECK(e.sink.ends.size() == 1);
    CHECK(e.publish_done(2).empty()); // late, and harmless
    exchange qos0;
    qos0.connected(4);
    qos0.send(publish(4, 0, 0));
    qos0.publish_done(0, reason::quota_exceeded);
    CHECK(qos0.machine.opened());
}

TEST_CASE("pings are answered while acknowledgements are withheld") {
    exchange e;
    e.connected(4);
    CHECK(to_hex(e.send(publish(4, 1, 1) + wire::pingreq())) == "d000");
    CHECK(to_hex(e.publish_done(0)) == "40020001");
}

TEST_CASE("the MQTT 5 properties of a PUBLISH reach the shell") {
    exchange e;
    e.connected(5);
    e.send(publish(5, 1, 1, "{}", false, "a",
                   hex("020000003c 03") + text("application/json") + hex("26") + text("trace") +
                       text("00-1")));
    REQUIRE(e.sink.published.size() == 1);
    CHECK(e.sink.published[0].content_type == "application/json");
    CHECK(e.sink.published[0].message_expiry_s == 60);
    CHECK(e.sink.published[0].user_properties ==
          std::vector<std::pair<std::string, std::string>>{{"trace", "00-1"}});
}

TEST_CASE("a topic alias stands for its topic until it is set anew") {
    session_limits limits;
    limits.topic_alias_maximum = 2;
    exchange e(limits);
    e.connected(5);
    e.send(publish(5, 0, 0, "1", false, "first", hex("230001")) +
           publish(5, 0, 0, "2", false, "second", hex("230002")) +
           publish(5, 0, 0, "3", false, "", hex("230001")) +
           publish(5, 0, 0, "4", false, "third", hex("230001")) +
           publish(5, 0, 0, "5", false, "", hex("230001")) +
           publish(5, 0, 0, "6", false, "", hex("230002")));
    std::vector<std::string> topics;
    for (const auto& p : e.sink.published)
        topics.push_back(p.topic);
    CHECK(topics ==
          std::vector<std::string>{"first", "second", "first", "third", "third", "second"});
}

TEST_CASE("a DUP flag on QoS 1 is told to the shell, which knows what to make of it") {
    exchange e;
    e.connected(4);
    e.send(publish(4, 1, 1) + publish(4, 1, 1, "x", true));
    REQUIRE(e.sink.published.size() == 2);
    CHECK_FALSE(e.sink.published[0].dup);
    CHECK(e.sink.published[1].dup);
    e.publish_done(0);
    CHECK(to_hex(e.publish_done(1)) == "40020001");
}

TEST_CASE("subscriptions reach the shell and are answered filter by filter, when it says so") {
    const auto filters = text("a/#") + hex("01") + text("b") + hex("00");
    const reason refused[] = {reason::quota_exceeded, reason::quota_exceeded};
    const reason none[] = {reason::no_subscription_existed};
    exchange old;
    old.connected(4);
    CHECK(old.send(wire::packet(0x82, wire::u16(9) + filters)).empty());
    CHECK(old.sink.subscribes.at(0).filters == std::vector<std::string>{"a/#", "b"});
    old.machine.on_subscribed(9, refused, "words");
    CHECK(to_hex(old.drain()) == "900400098080");
    CHECK(old.send(wire::packet(0xa2, wire::u16(10) + text("b"))).empty());
    old.machine.on_unsubscribed(10, none);
    CHECK(to_hex(old.drain()) == "b002000a");
    const auto subscribe_5 = wire::packet(0x82, wire::u16(9) + hex("00") + filters);
    exchange e;
    e.connected(5);
    e.send(subscribe_5);
    e.machine.on_subscribed(9, refused, "words");
    CHECK(e.drain() == hex("90 0d 0009 08 1f") + text("words") + hex("9797"));
    e.send(wire::packet(0xa2, wire::u16(10) + hex("00") + text("b")));
    e.machine.on_unsubscribed(10, none);
    CHECK(to_hex(e.drain()) == "b004000a0011");
    CHECK(e.machine.opened());
    exchange brief;
    brief.connected(5, 0, hex("1700")); // Request Problem Information 0: no reason strings
    brief.send(subscribe_5);
    brief.machine.on_subscribed(9, refused, "words");
    CHECK(to_hex(brief.drain()) == "90050009009797");
}

TEST_CASE("a client's acknowledgements reach the shell") {
    exchange e;
    e.connected(5);
    CHECK(e.send(hex("40020001 5003000297 70020003")).empty());
    const auto& got = e.sink.acknowledgements;
    REQUIRE(got.size() == 3);
    CHECK(got[0].type == packet_type::puback);
    CHECK(got[1].code == reason::quota_exceeded);
    CHECK(got[2].packet_id == 3);
    e.machine.send_pubrel(1, reason::packet_identifier_not_found);
    CHECK(to_hex(e.drain()) == "6203000192");
    CHECK(e.machine.opened());
}

TEST_CASE("SUBSCRIBEs without an answer stop the reading at their bound") {
    exchange e;
    e.connected(4);
    const auto one = wire::packet(0x82, wire::u16(9) + text("a") + hex("00"));
    for (std::size_t i = 0; i < limits::k_subscribes_owed_max; ++i)
        e.send(one);
    CHECK_FALSE(e.machine.wants_bytes());
    const reason granted[] = {reason::success};
    e.machine.on_subscribed(9, granted);
    CHECK(e.machine.wants_bytes());
}

TEST_CASE("a PUBLISH to the client has its properties, and an alias once its topic was said") {
    exchange e;
    e.connected(5, 0, hex("220001"));
    outgoing_publish packet;
    packet.topic = "t/1";
    packet.payload = "x";
    packet.qos = 1;
    packet.packet_id = 7;
    packet.dup = packet.retain = true;
    packet.message_expiry_s = 5;
    packet.content_type = "c";
    packet.response_topic = "r";
    packet.correlation_data = "";
    const user_property user[] = {{"n", "v"}};
    packet.user_properties = user;
    const std::uint32_t identifiers[] = {1, 200};
    packet.subscription_identifiers = identifiers;
    CHECK(e.machine.send_publish(packet));
    const auto properties = hex("02 00000005 08") + text("r") + hex("09 0000 26") + text("n") +
                            text("v") + hex("0b 01 0b c801 03") + text("c");
    CHECK(e.drain() == wire::packet(0x3b, text("t/1") + wire::u16(7) +
                                              wire::list(properties.substr(0, 5) + hex("230001") +
                                                         properties.substr(5)) +
                                              "x"));
    outgoing_publish plain;
    plain.topic = "t/1";
    CHECK(e.machine.send_publish(plain));
    CHECK(to_hex(e.drain()) == "3006000003230001");
    plain.topic = "t/2"; // the client's maximum of one alias is used up
    CHECK(e.machine.send_publish(plain));
    CHECK(e.drain() == hex("30 06") + text("t/2") + hex("00"));
}

TEST_CASE("a PUBLISH above the client's Maximum Packet Size is not sent") {
    exchange e;
    e.connected(5, 0, hex("2700000020 220001"));
    outgoing_publish packet;
    packet.topic = "t";
    packet.payload = "0123456789012345678901234567890123456789";
    CHECK_FALSE(e.machine.send_publish(packet));
    CHECK(e.drain().empty());
    packet.payload = "x"; // no alias is left behind that the client was not told
    CHECK(e.machine.send_publish(packet));
    CHECK(e.drain() == hex("30 08") + text("t") + hex("03230001") + "x");
}
