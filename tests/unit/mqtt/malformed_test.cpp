#include "gateway/base/limits.hpp"
#include "gateway/ingest/mqtt/packet.hpp"
#include "tests/unit/mqtt/wire.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::mqtt;
using wire::hex;
using wire::list;
using wire::text;
using wire::u16;

namespace {

// One packet, whole: as the session reads it.
checked parse(std::string_view bytes, std::uint8_t version) {
    auto header = parse_fixed_header(bytes);
    if (!header.ok()) return header.failure();
    REQUIRE(header->has_value());
    REQUIRE((*header)->packet_bytes() == bytes.size());
    const auto body = bytes.substr((*header)->header_bytes);
    connect_packet connect;
    publish_packet publish;
    ack_packet ack;
    subscribe_packet subscribe;
    unsubscribe_packet unsubscribe;
    reason_packet other;
    switch ((*header)->type) {
    case packet_type::connect:
        return parse_connect(body, connect);
    case packet_type::publish:
        return parse_publish((*header)->flags, body, version, publish);
    case packet_type::subscribe:
        return parse_subscribe(body, version, subscribe);
    case packet_type::unsubscribe:
        return parse_unsubscribe(body, version, unsubscribe);
    case packet_type::pingreq:
        return parse_pingreq(body);
    case packet_type::disconnect:
        return parse_disconnect(body, version, other);
    case packet_type::auth:
        return parse_auth(body, version, other);
    default:
        return parse_ack((*header)->type, body, version, ack);
    }
}

struct bad_packet {
    const char* what;
    std::uint8_t version;
    std::string bytes;
    reason code;
    const char* words; // part of the message
};

std::string connect_5(std::string_view properties) {
    return wire::connect(5, 2, 0, "c", properties);
}
std::string publish_5(std::string_view properties) {
    return wire::publish(5, 1, 7, "x", false, "t", properties);
}

void check_all(const std::vector<bad_packet>& cases) {
    for (const auto& bad : cases) {
        INFO(bad.what);
        const auto outcome = parse(bad.bytes, bad.version);
        REQUIRE_FALSE(outcome.ok());
        INFO(outcome.failure().message);
        CHECK(outcome.failure().code == bad.code);
        CHECK(outcome.failure().message.find(bad.words) != std::string::npos);
    }
}

constexpr auto malformed = reason::malformed_packet;
constexpr auto protocol = reason::protocol_error;

} // namespace

TEST_CASE("a broken fixed header is refused with its reason") {
    check_all({
        {"type 0", 5, hex("0000"), malformed, "reserved"},
        {"CONNACK", 5, hex("20020000"), protocol, "only a server sends CONNACK"},
        {"SUBACK", 5, hex("9003000100"), protocol, "SUBACK"},
        {"UNSUBACK", 5, hex("b0020001"), protocol, "UNSUBACK"},
        {"PINGRESP", 5, hex("d000"), protocol, "PINGRESP"},
        {"CONNECT flags", 5, hex("1100"), malformed, "[MQTT-2.1.3-1]"},
        {"PUBACK flags", 5, hex("42020001"), malformed, "PUBACK flags: expected 0000"},
        {"PUBREL flags", 5, hex("60020001"), malformed, "[MQTT-3.6.1-1]"},
        {"SUBSCRIBE flags", 5, hex("8000"), malformed, "[MQTT-3.8.1-1]"},
        {"UNSUBSCRIBE flags", 5, hex("a000"), malformed, "[MQTT-3.10.1-1]"},
        {"PINGREQ flags", 5, hex("c100"), malformed, "PINGREQ flags"},
        {"DISCONNECT flags", 5, hex("e100"), malformed, "[MQTT-3.14.1-1]"},
        {"AUTH flags", 5, hex("f200"), malformed, "[MQTT-3.15.1-1]"},
        {"QoS 3", 4, hex("3600"), malformed, "[MQTT-3.3.1-4]"},
        {"DUP with QoS 0", 4, hex("3800"), protocol, "[MQTT-3.3.1-2]"},
        {"length of 5 bytes", 4, hex("30ffffffff01"), malformed, "Remaining Length"},
    });
}

TEST_CASE("a broken CONNECT is refused with its reason") {
    const auto version = reason::unsupported_protocol_version;
    const auto body = [](unsigned flags, std::string_view payload) {
        return wire::packet(0x10, text("MQTT") + hex("04") + static_cast<char>(flags) + u16(0) +
                                      std::string(payload));
    };
    check_all({
        {"empty", 4, hex("1000"), malformed, "Protocol Name: expected 2 bytes"},
        {"name", 4, wire::packet(0x10, text("MQTX") + hex("04020000") + text("")), version,
         "[MQTT-3.1.2-1]"},
        {"MQIsdp", 4, wire::packet(0x10, text("MQIsdp") + hex("03020000") + text("a")), version,
         "MQIsdp"},
        {"level 3", 4, wire::connect(3), version, "got 3"},
        {"level 6", 4, wire::connect(6), version, "got 6"},
        {"cut after the name", 4, wire::packet(0x10, text("MQTT")), malformed, "Protocol Version"},
        {"reserved flag", 4, body(0x03, text("a")), malformed, "[MQTT-3.1.2-3]"},
        {"will QoS 3", 4, body(0x1e, text("a") + text("t") + text("p")), malformed, "Will QoS"},
        {"will QoS without a will", 4, body(0x0a, text("a")), malformed, "[MQTT-3.1.2-11"},
        {"will retain without a will", 4, body(0x22, text("a")), malformed, "[MQTT-3.1.2-13"},
        {"password without a user", 4, body(0x42, text("a") + text("p")), malformed,
         "[3.1.1: MQTT-3.1.2-22]"},
        {"no keep-alive", 4, wire::packet(0x10, text("MQTT") + hex("0402 00")), malformed,
         "Keep Alive"},
        {"no client id", 4, body(0x02, ""), malformed, "Client Identifier"},
        {"client id cut", 4, body(0x02, hex("0005 61")), malformed, "Client Identifier"},
        {"client id not UTF-8", 4, body(0x02, text("\xff")), malformed, "[MQTT-1.5.4-1]"},
        {"client id with U+0000", 4, body(0x02, text(std::string_view("a\0b", 3))), malformed,
         "[MQTT-1.5.4-2]"},
        {"no will", 4, body(0x06, text("a")), malformed, "Will Topic"},
        {"empty will topic", 4, body(0x06, text("a") + text("") + text("p")), malformed,
         "Will Topic: must not be empty"},
        {"will topic wildcard", 4, body(0x06, text("a") + text("t/#") + text("p")), malformed,
         "Will Topic: must not contain wildcards"},
        {"no will payload", 4, body(0x06, text("a") + text("t")), malformed, "Will Payload"},
        {"no user name", 4, body(0x82, text("a")), malformed, "User Name"},
        {"no password", 4, body(0xc2, text("a") + text("u")), malformed, "Password"},
        {"trailing bytes", 4, body(0x02, text("a") + "z"), malformed, "1 bytes after"},
        {"no property length", 5, wire::packet(0x10, text("MQTT") + hex("05020000")), malformed,
         "Property Length"},
        {"properties cut", 5, wire::packet(0x10, text("MQTT") + hex("0502000005 11")), malformed,
         "Properties"},
        {"will delay outside the will", 5, connect_5(hex("1800000001")), malformed,
         "24 is not allowed"},
        {"topic alias", 5, connect_5(hex("230001")), malformed, "35 is not allowed"},
        {"unknown property", 5, connect_5(hex("7f01")), malformed, "127 is not allowed"},
        {"large property id", 5, connect_5(hex("ffffff7f01")), malformed, "is not allowed"},
        {"long property id", 5, connect_5(hex("9100 00000000")), malformed, "[MQTT-1.5.5-1]"},
        {"property twice", 5, connect_5(hex("2100012100 01")), protocol, "more than once"},
        {"receive maximum 0", 5, connect_5(hex("210000")), protocol, "Receive Maximum"},
        {"packet size 0", 5, connect_5(hex("2700000000")), protocol, "Maximum Packet Size"},
        {"problem information 2", 5, connect_5(hex("1702")), protocol, "expected 0 or 1"},
        {"response information 2", 5, connect_5(hex("1902")), protocol, "expected 0 or 1"},
        {"data without a method", 5, connect_5(hex("16") + text("d")), protocol,
         "Authentication Data"},
        {"property cut", 5, connect_5(hex("110000")), malformed, "Session Expiry Interval"},
    });
}

TEST_CASE("a broken PUBLISH is refused with its reason") {
    check_all({
        {"empty", 4, hex("3000"), malformed, "Topic Name: expected 2 bytes"},
        {"topic cut", 4, wire::packet(0x30, hex("0005 61")), malformed, "Topic Name"},
        {"empty topic", 4, wire::publish(4, 0, 0, "x", false, ""), protocol, "[MQTT-4.7.3-1]"},
        {"empty topic, 5", 5, wire::publish(5, 0, 0, "x", false, ""), protocol, "Topic Alias"},
        {"topic +", 4, wire::publish(4, 0, 0, "x", false, "a/+"), malformed, "[MQTT-3.3.2-2]"},
        {"topic #", 5, wire::publish(5, 1, 1, "x", false, "#"), malformed, "[MQTT-3.3.2-2]"},
        {"topic with a surrogate", 4, wire::publish(4, 0, 0, "x", false, "\xed\xa0\x80"), malformed,
         "[MQTT-1.5.4-1]"},
        {"no packet id", 4, wire::packet(0x32, text("t") + "x"), malformed, "Packet Identifier"},
        {"packet id 0", 4, wire::publish(4, 1, 0), protocol, "[MQTT-2.2.1-3]"},
        {"packet id 0, QoS 2", 5, wire::publish(5, 2, 0), protocol, "[MQTT-2.2.1-3]"},
        {"no property length", 5, wire::packet(0x30, text("t")), malformed, "Property Length"},
        {"length of 5 bytes", 5, wire::packet(0x30, text("t") + hex("8080808001")), malformed,
         "at most 4 bytes"},
        {"alias 0", 5, publish_5(hex("230000")), reason::topic_alias_invalid, "[MQTT-3.3.2-8]"},
        {"alias twice", 5, publish_5(hex("230001230001")), protocol, "more than once"},
        {"format 2", 5, publish_5(hex("0102")), protocol, "Payload Format Indicator"},
        {"response topic wildcard", 5, publish_5(hex("08") + text("a/#")), protocol,
         "[MQTT-3.3.2-14]"},
        {"response topic empty", 5, publish_5(hex("08") + text("")), protocol, "Response Topic"},
        {"subscription id", 5, publish_5(hex("0b01")), protocol, "[MQTT-3.3.4-6]"},
        {"session expiry", 5, publish_5(hex("1100000001")), malformed, "17 is not allowed"},
        {"content type not UTF-8", 5, publish_5(hex("03") + text("\xc3")), malformed,
         "Content Type"},
        {"user property cut", 5, publish_5(hex("26") + text("k")), malformed,
         "User Property value"},
    });
}

TEST_CASE("a broken acknowledgement is refused with its reason") {
    check_all({
        {"PUBACK short", 4, hex("400100"), malformed, "Packet Identifier"},
        {"PUBREL id 0", 4, hex("62020000"), protocol, "PUBREL Packet Identifier"},
        {"PUBREL trailing, 3.1.1", 4, hex("6203000100"), malformed, "after its last field"},
        {"PUBREL reason", 5, hex("6203000180"), protocol, "PUBREL Reason Code: 128"},
        {"PUBACK reason", 5, hex("4003000192"), protocol, "PUBACK Reason Code: 146"},
        {"PUBCOMP reason", 5, hex("7003000110"), protocol, "PUBCOMP Reason Code: 16"},
        {"PUBREL property", 5, hex("62060001000211 00"), malformed, "17 is not allowed"},
        {"PUBREL trailing, 5", 5, hex("62050001000000"), malformed, "after its last field"},
    });
}

TEST_CASE("a broken SUBSCRIBE or UNSUBSCRIBE is refused with its reason") {
    const auto sub = [](std::string_view rest) {
        return wire::packet(0x82, u16(1) + std::string(rest));
    };
    const auto sub_5 = [&sub](std::string_view rest) { return sub(list() + std::string(rest)); };
    const auto unsub = [](std::string_view rest) {
        return wire::packet(0xa2, u16(1) + std::string(rest));
    };
    const auto filter = reason::topic_filter_invalid;
    check_all({
        {"id 0", 4, wire::packet(0x82, u16(0) + text("a") + hex("00")), protocol, "SUBSCRIBE"},
        {"no filters", 4, sub(""), protocol, "[MQTT-3.8.3-2]"},
        {"no options", 4, sub(text("a")), malformed, "Subscription Options"},
        {"empty filter", 4, sub(text("") + hex("00")), malformed, "[MQTT-4.7.3-1]"},
        {"# not last", 4, sub(text("#/a") + hex("00")), filter, "[MQTT-4.7.1-1]"},
        {"# within a level", 4, sub(text("a#") + hex("00")), filter, "[MQTT-4.7.1-1]"},
        {"+ within a level", 4, sub(text("a+/b") + hex("00")), filter, "[MQTT-4.7.1-2]"},
        {"+ and more", 4, sub(text("+b") + hex("00")), filter, "[MQTT-4.7.1-2]"},
        {"QoS 3", 4, sub(text("a") + hex("03")), protocol, "Subscription QoS"},
        {"reserved, 3.1.1", 4, sub(text("a") + hex("04")), malformed, "[MQTT-3.8.3-5]"},
        {"reserved, 5", 5, sub_5(text("a") + hex("40")), malformed, "[MQTT-3.8.3-5]"},
        {"retain handling 3", 5, sub_5(text("a") + hex("30")), protocol, "Retain Handling"},
        {"no local, shared", 5, sub_5(text("$share/g/a") + hex("04")), protocol, "[MQTT-3.8.3-4]"},
        {"share without a name", 5, sub_5(text("$share//a") + hex("00")), filter, "[MQTT-4.8.2-1]"},
        {"share without a filter", 5, sub_5(text("$share/g") + hex("00")), filter,
         "[MQTT-4.8.2-1]"},
        {"share with a wildcard", 5, sub_5(text("$share/+/a") + hex("00")), filter,
         "[MQTT-4.8.2-1]"},
        {"subscription id 0", 5, sub(list(hex("0b00")) + text("a") + hex("00")), protocol,
         "Subscription Identifier"},
        {"reason string", 5, sub(list(hex("1f") + text("x")) + text("a") + hex("00")), malformed,
         "31 is not allowed"},
        {"unsubscribe id 0", 4, wire::packet(0xa2, u16(0) + text("a")), protocol, "UNSUBSCRIBE"},
        {"unsubscribe nothing", 4, unsub(""), protocol, "[MQTT-3.10.3-2]"},
        {"unsubscribe bad filter", 4, unsub(text("a/#/b")), filter, "[MQTT-4.7.1-1]"},
        {"unsubscribe cut", 4, unsub(hex("0004 61")), malformed, "Topic Filter"},
    });
    std::string many;
    for (std::size_t i = 0; i <= limits::k_topic_filters_per_packet_max; ++i)
        many += text("a") + hex("00");
    check_all({{"too many", 4, sub(many), reason::quota_exceeded, "at most 1024"}});
}

TEST_CASE("a broken PINGREQ, DISCONNECT or AUTH is refused with its reason") {
    check_all({
        {"PINGREQ with a body", 4, hex("c00100"), malformed, "PINGREQ"},
        {"DISCONNECT with a body, 3.1.1", 4, hex("e00100"), malformed, "DISCONNECT"},
        {"DISCONNECT reason of a server", 5, hex("e0018b"), protocol, "Reason Code: 139"},
        {"DISCONNECT property", 5, hex("e0050003210001"), malformed, "33 is not allowed"},
        {"DISCONNECT trailing", 5, hex("e003000000"), malformed, "after its last field"},
        {"AUTH in 3.1.1", 4, hex("f000"), malformed, "not part of MQTT 3.1.1"},
        {"AUTH success", 5, hex("f000"), protocol, "AUTH Reason Code: 0"},
    });
}
