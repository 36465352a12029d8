#include "gateway/ingest/mqtt/serialize.hpp"
#include "tests/unit/mqtt/wire.hpp"

#include <catch2/catch.hpp>

using namespace wharf;
using namespace wharf::mqtt;
using wire::hex;
using wire::text;

namespace {
constexpr recipient k_v4{k_version_3_1_1, 0};
constexpr recipient k_v5{k_version_5, 0};
} // namespace

TEST_CASE("a 3.1.1 CONNACK has two bytes and the nearest return code") {
    std::string out;
    connack_packet packet;
    packet.session_present = true;
    CHECK(append_connack(out, k_v4, packet));
    packet.code = reason::banned;
    CHECK(append_connack(out, k_v4, packet));
    packet.code = reason::bad_user_name_or_password;
    CHECK(append_connack(out, k_v4, packet));
    packet.code = reason::server_busy;
    CHECK(append_connack(out, k_v4, packet));
    CHECK(to_hex(out) == "2002010020020005"
                         "2002000420020003");
}

TEST_CASE("an MQTT 5 CONNACK announces what the server offers") {
    std::string out;
    connack_packet packet;
    packet.session_expiry_s = 600;
    packet.server_keep_alive_s = 60;
    packet.receive_maximum = 16;
    packet.packet_bytes_max = 65536;
    packet.topic_alias_maximum = 8;
    packet.assigned_client_id = "w1";
    CHECK(append_connack(out, k_v5, packet));
    CHECK(out == hex("20 1d 0000 1a 1100000258 210010 2700010000 12") + text("w1") +
                     hex("220008 2a00 13003c"));
}

TEST_CASE("an MQTT 5 refusal carries its reason string while it fits") {
    connack_packet packet;
    packet.code = reason::not_authorized;
    packet.session_present = true;
    packet.reason_string = "no";
    std::string out;
    CHECK(append_connack(out, k_v5, packet));
    CHECK(out == hex("20 08 0087 05 1f") + text("no"));
    out.clear();
    CHECK(append_connack(out, {k_version_5, 9}, packet));
    CHECK(out == hex("20 03 0087 00"));
    out.clear();
    CHECK_FALSE(append_connack(out, {k_version_5, 4}, packet));
    CHECK(out.empty());
}

TEST_CASE("acknowledgements carry a reason only in MQTT 5 and only when it is not Success") {
    std::string out;
    append_ack(out, k_v4, packet_type::puback, 0x0102, reason::success);
    append_ack(out, k_v5, packet_type::pubrec, 0xfffe, reason::success);
    append_ack(out, k_v5, packet_type::pubcomp, 3, reason::packet_identifier_not_found);
    append_ack(out, k_v4, packet_type::pubcomp, 3, reason::packet_identifier_not_found);
    append_ack(out, k_v5, packet_type::pubrel, 3, reason::success);
    CHECK(to_hex(out) == "40020102"
                         "5002fffe"
                         "7003000392"
                         "70020003"
                         "62020003");
}

TEST_CASE("SUBACK and UNSUBACK answer every filter") {
    const reason codes[] = {reason::implementation_specific_error,
                            reason::wildcard_subscriptions_not_supported};
    std::string out;
    CHECK(append_suback(out, k_v4, 5, codes, "why"));
    CHECK(append_suback(out, k_v5, 5, codes, "why"));
    CHECK(append_suback(out, {k_version_5, 12}, 5, codes, "why"));
    CHECK_FALSE(append_suback(out, {k_version_5, 6}, 5, codes, "why"));
    const reason none[] = {reason::no_subscription_existed};
    CHECK(append_unsuback(out, k_v4, 6, none));
    CHECK(append_unsuback(out, k_v5, 6, none));
    CHECK(out == hex("9004 0005 8080") + hex("900b 0005 06 1f") + text("why") + hex("83a2") +
                     hex("9005 0005 00 83a2") + hex("b002 0006") + hex("b004 0006 00 11"));
}

TEST_CASE("PINGRESP and DISCONNECT are written as the standard has them") {
    std::string out;
    append_pingresp(out);
    CHECK(append_disconnect(out, k_v5, reason::packet_too_large, ""));
    CHECK(append_disconnect(out, k_v5, reason::packet_too_large, "big"));
    CHECK(out == hex("d000 e0029500 e00895061f") + text("big"));
}

TEST_CASE("a reason string is cut, so that no packet grows with it") {
    std::string out;
    CHECK(append_disconnect(out, k_v5, reason::protocol_error, std::string(70000, 'x')));
    CHECK(out.size() < 300);
}
