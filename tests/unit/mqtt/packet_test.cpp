#include "gateway/base/limits.hpp"
#include "gateway/ingest/mqtt/packet.hpp"
#include "gateway/ingest/mqtt/utf8.hpp"
#include "tests/unit/mqtt/wire.hpp"

#include <catch2/catch.hpp>

#include <list>

using namespace wharf;
using namespace wharf::mqtt;
using wire::hex;
using wire::text;
using wire::u16;

namespace {

// What was parsed points into the bytes: they stay.
const std::string& kept(std::string bytes) {
    static std::list<std::string> all;
    return all.emplace_back(std::move(bytes));
}

} // namespace

TEST_CASE("a fixed header is read only when it is whole") {
    CHECK_FALSE(parse_fixed_header("").value().has_value());
    CHECK_FALSE(parse_fixed_header(hex("30")).value().has_value());
    CHECK_FALSE(parse_fixed_header(hex("30ffffff")).value().has_value());
    const auto header = parse_fixed_header(hex("3bffffff7f")).value().value();
    CHECK(header.type == packet_type::publish);
    CHECK(header.flags == 0x0b);
    CHECK(header.header_bytes == 5);
    CHECK(header.remaining_bytes == 268'435'455);
    CHECK(header.shortest);
    CHECK(parse_fixed_header(hex("c000")).value()->packet_bytes() == 2);
    CHECK_FALSE(parse_fixed_header(hex("c08000")).value()->shortest);
}

TEST_CASE("a 3.1.1 CONNECT with everything in it is read") {
    connect_packet out;
    const auto body = text("MQTT") + hex("04 ee 001e") + text("dev") + text("will/t") +
                      text("gone") + text("user") + text("pass");
    REQUIRE(parse_connect(body, out).ok());
    CHECK(out.version == 4);
    CHECK(out.clean_start);
    CHECK(out.keep_alive_s == 30);
    CHECK(out.client_id == "dev");
    REQUIRE(out.will.has_value());
    CHECK(out.will->topic == "will/t");
    CHECK(out.will->payload == "gone");
    CHECK(out.will->qos == 1);
    CHECK(out.will->retain);
    CHECK(out.username == "user");
    CHECK(out.password == "pass");
}

TEST_CASE("an MQTT 5 CONNECT with every property is read") {
    connect_packet out;
    const auto properties =
        hex("11 00000e10  21 0014  27 00010000  22 0005  19 01  17 00  26") + text("k") + text("v");
    const auto will = hex("18 00000005  01 01  02 0000003c  03") + text("text/plain") + hex("08") +
                      text("re/ply") + hex("09") + text("c1");
    const auto body = text("MQTT") + hex("05 46 0000") + wire::list(properties) + text("") +
                      wire::list(will) + text("w") + text("p") + text("secret");
    const auto outcome = parse_connect(body, out);
    INFO((outcome.ok() ? "" : outcome.failure().message));
    REQUIRE(outcome.ok());
    CHECK(out.version == 5);
    CHECK(out.properties.session_expiry_s == 3600);
    CHECK(out.properties.receive_maximum == 20);
    CHECK(out.properties.maximum_packet_bytes == 65536);
    CHECK(out.properties.topic_alias_maximum == 5);
    CHECK(out.properties.request_response_information == 1);
    CHECK(out.properties.request_problem_information == 0);
    REQUIRE(out.properties.user.size() == 1);
    CHECK(out.properties.user[0].name == "k");
    CHECK(out.properties.user[0].value == "v");
    REQUIRE(out.will.has_value());
    CHECK(out.will->properties.will_delay_s == 5);
    CHECK(out.will->properties.message_expiry_s == 60);
    CHECK(out.will->properties.content_type == "text/plain");
    CHECK(out.will->properties.response_topic == "re/ply");
    CHECK(out.will->properties.correlation_data == "c1");
    CHECK_FALSE(out.username.has_value()); // MQTT 5 allows a password without a user name
    CHECK(out.password == "secret");
}

TEST_CASE("an absent property has the value of the standard") {
    connect_packet out;
    REQUIRE(parse_connect(wire::connect_body(5, 2, 0, "d"), out).ok());
    CHECK(out.properties.present == 0);
    CHECK(out.properties.receive_maximum == 65535);
    CHECK(out.properties.request_problem_information == 1);
    CHECK(out.properties.maximum_packet_bytes == 0);
}

TEST_CASE("a PUBLISH is views into its bytes") {
    publish_packet out;
    const auto body = wire::publish_body(4, 1, 0x1234, "wharf/1/s/d/x", "payload");
    REQUIRE(parse_publish(0x0b, body, 4, out).ok());
    CHECK(out.qos == 1);
    CHECK(out.dup);
    CHECK(out.retain);
    CHECK(out.packet_id == 0x1234);
    CHECK(out.topic == "wharf/1/s/d/x");
    CHECK(out.payload == "payload");
    CHECK(out.topic.data() == body.data() + 2);
    CHECK(out.payload.data() + out.payload.size() == body.data() + body.size());
}

TEST_CASE("an MQTT 5 PUBLISH with every property is read, and the next one starts afresh") {
    publish_packet out;
    const auto properties = hex("01 01 02 0000000a 23 0007 08") + text("r/t") + hex("09") +
                            text(std::string("\0\xff", 2)) + hex("26") + text("a") + text("1") +
                            hex("26") + text("a") + text("1") + hex("03") +
                            text("application/json");
    const auto body = wire::publish_body(5, 2, 9, "t", "", properties);
    REQUIRE(parse_publish(4, body, 5, out).ok());
    CHECK(out.qos == 2);
    CHECK(out.properties.payload_format_indicator == 1);
    CHECK(out.properties.message_expiry_s == 10);
    CHECK(out.properties.topic_alias == 7);
    CHECK(out.properties.response_topic == "r/t");
    CHECK(out.properties.correlation_data == std::string_view("\0\xff", 2));
    CHECK(out.properties.user.size() == 2);
    CHECK(out.properties.content_type == "application/json");
    CHECK(out.payload.empty());
    REQUIRE(parse_publish(0, wire::publish_body(5, 0, 0, "t", "p"), 5, out).ok());
    CHECK(out.properties.present == 0);
    CHECK(out.properties.user.empty());
    CHECK(out.packet_id == 0);
}

TEST_CASE("user properties past the bound are counted and not kept") {
    std::string properties;
    for (std::size_t i = 0; i < limits::k_user_properties_max + 3; ++i)
        properties += hex("26") + text("k") + text("v");
    publish_packet out;
    REQUIRE(parse_publish(0, wire::publish_body(5, 0, 0, "t", "p", properties), 5, out).ok());
    CHECK(out.properties.user.size() == limits::k_user_properties_max);
    CHECK(out.properties.user_dropped == 3);
}

TEST_CASE("an acknowledgement may leave out its reason and its properties") {
    ack_packet out;
    REQUIRE(parse_ack(packet_type::pubrel, hex("0102"), 5, out).ok());
    CHECK(out.packet_id == 0x0102);
    CHECK(out.code == reason::success);
    REQUIRE(parse_ack(packet_type::pubrel, hex("0102 92"), 5, out).ok());
    CHECK(out.code == reason::packet_identifier_not_found);
    REQUIRE(parse_ack(packet_type::pubrec,
                      kept(hex("0102 10") + wire::list(hex("1f") + text("why"))), 5, out)
                .ok());
    CHECK(out.code == reason::no_matching_subscribers);
    CHECK(out.properties.reason_string == "why");
}

TEST_CASE("SUBSCRIBE and UNSUBSCRIBE list their filters") {
    subscribe_packet sub;
    REQUIRE(
        parse_subscribe(kept(u16(3) + text("a/+/b") + hex("01") + text("#") + hex("02")), 4, sub)
            .ok());
    REQUIRE(sub.subscriptions.size() == 2);
    CHECK(sub.packet_id == 3);
    CHECK(sub.subscriptions[0].filter == "a/+/b");
    CHECK(sub.subscriptions[1].qos == 2);
    REQUIRE(
        parse_subscribe(
            kept(u16(3) + wire::list(hex("0b 8001")) + text("$share/g/a/#") + hex("29")), 5, sub)
            .ok());
    REQUIRE(sub.subscriptions.size() == 1);
    CHECK(sub.properties.subscription_identifier == 128);
    CHECK(sub.subscriptions[0].retain_handling == 2);
    CHECK(sub.subscriptions[0].retain_as_published);
    unsubscribe_packet unsub;
    REQUIRE(parse_unsubscribe(kept(u16(4) + text("a") + text("+")), 4, unsub).ok());
    CHECK(unsub.filters == std::vector<std::string_view>{"a", "+"});
}

TEST_CASE("DISCONNECT and AUTH are read with and without their parts") {
    reason_packet out;
    REQUIRE(parse_disconnect("", 5, out).ok());
    CHECK(out.code == reason::success);
    REQUIRE(parse_disconnect(hex("04 05 11 00000064"), 5, out).ok());
    CHECK(out.code == reason::disconnect_with_will);
    CHECK(out.properties.session_expiry_s == 100);
    REQUIRE(parse_disconnect("", 4, out).ok());
    REQUIRE(parse_auth(kept(hex("18") + wire::list(hex("15") + text("SCRAM"))), 5, out).ok());
    CHECK(out.properties.authentication_method == "SCRAM");
    REQUIRE(parse_pingreq("").ok());
}

TEST_CASE("UTF-8 is accepted as the standard wants it") {
    CHECK(is_mqtt_utf8(""));
    CHECK(is_mqtt_utf8("plain text longer than one word"));
    CHECK(is_mqtt_utf8("\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf"));
    CHECK(is_mqtt_utf8("\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"));
    CHECK(is_mqtt_utf8("\xef\xbb\xbf")); // U+FEFF is a character like others [MQTT-1.5.4-3]
    CHECK_FALSE(is_mqtt_utf8(std::string_view("abcdefg\0", 8)));
    CHECK_FALSE(is_mqtt_utf8(std::string_view("\0", 1)));
    CHECK_FALSE(is_mqtt_utf8("\x80"));
    CHECK_FALSE(is_mqtt_utf8("\xc0\x80"));         // U+0000 the long way
    CHECK_FALSE(is_mqtt_utf8("\xc1\xbf"));         // overlong
    CHECK_FALSE(is_mqtt_utf8("\xe0\x9f\xbf"));     // overlong
    CHECK_FALSE(is_mqtt_utf8("\xed\xa0\x80"));     // U+D800
    CHECK_FALSE(is_mqtt_utf8("\xed\xbf\xbf"));     // U+DFFF
    CHECK_FALSE(is_mqtt_utf8("\xf0\x8f\xbf\xbf")); // overlong
    CHECK_FALSE(is_mqtt_utf8("\xf4\x90\x80\x80")); // past U+10FFFF
    CHECK_FALSE(is_mqtt_utf8("\xf5\x80\x80\x80"));
    CHECK_FALSE(is_mqtt_utf8("abcdefgh\xe2\x82"));
    CHECK_FALSE(is_mqtt_utf8("\xc3"));
    CHECK_FALSE(is_mqtt_utf8("\xc3\x28"));
    CHECK_FALSE(is_mqtt_utf8("\xf0\x90\x80\x41"));
}
