#include "gateway/ingest/mqtt/packet.hpp"

namespace wharf::mqtt {
namespace {

struct connect_flags {
    bool username, password, will_retain, will, clean_start, reserved;
    std::uint8_t will_qos;

    explicit connect_flags(std::uint8_t bits) noexcept
        : username((bits & 0x80) != 0), password((bits & 0x40) != 0),
          will_retain((bits & 0x20) != 0), will((bits & 0x04) != 0),
          clean_start((bits & 0x02) != 0), reserved((bits & 0x01) != 0),
          will_qos(static_cast<std::uint8_t>((bits >> 3) & 3)) {}
};

void check_connect_flags(field_reader& in, const connect_flags& flags, std::uint8_t version) {
    if (flags.reserved)
        in.fail(reason::malformed_packet, "Connect Flags: bit 0 must be 0 [MQTT-3.1.2-3]");
    if (flags.will_qos == 3)
        in.fail(reason::malformed_packet,
                "Will QoS: expected 0, 1 or 2, got 3 [MQTT-3.1.2-12, 3.1.1: MQTT-3.1.2-14]");
    if (!flags.will && flags.will_qos != 0)
        in.fail(reason::malformed_packet,
                "Will QoS: must be 0 without a will [MQTT-3.1.2-11, 3.1.1: MQTT-3.1.2-13]");
    if (!flags.will && flags.will_retain)
        in.fail(reason::malformed_packet,
                "Will Retain: must be 0 without a will [MQTT-3.1.2-13, 3.1.1: MQTT-3.1.2-15]");
    if (version == k_version_3_1_1 && flags.password && !flags.username)
        in.fail(reason::malformed_packet,
                "Password Flag: must be 0 without a user name [3.1.1: MQTT-3.1.2-22]");
}

// Fails where the name is not that of MQTT 3.1.1 and 5; the version is kept for the answer.
void read_protocol(field_reader& in, connect_packet& out) {
    const auto name = in.text("Protocol Name");
    const auto level = in.byte("Protocol Version");
    if (!in.ok()) return;
    if (name == "MQIsdp") {
        out.is_mqisdp = true;
        in.fail(reason::unsupported_protocol_version,
                "Protocol Name: MQTT 3.1 (MQIsdp) is not supported, expected MQTT 3.1.1 or 5");
        return;
    }
    if (name != "MQTT") {
        in.fail(reason::unsupported_protocol_version,
                "Protocol Name: expected MQTT [MQTT-3.1.2-1]");
        return;
    }
    out.version = level;
    if (level != k_version_3_1_1 && level != k_version_5)
        in.fail(reason::unsupported_protocol_version,
                "Protocol Version: expected 4 (MQTT 3.1.1) or 5, got " + std::to_string(level) +
                    " [MQTT-3.1.2-2]");
}

void check_topic(field_reader& in, std::string_view topic, std::string_view field) {
    if (!in.ok()) return;
    if (topic.empty())
        in.fail(reason::malformed_packet,
                std::string(field) + ": must not be empty [MQTT-4.7.3-1]");
    if (topic.find_first_of("+#") != std::string_view::npos)
        in.fail(reason::malformed_packet,
                std::string(field) + ": must not contain wildcards [MQTT-4.7.0-1]");
}

void read_will(field_reader& in, const connect_flags& flags, connect_packet& out) {
    auto& will = out.will.emplace();
    will.qos = flags.will_qos;
    will.retain = flags.will_retain;
    if (out.version == k_version_5) read_properties(in, property_place::will, will.properties);
    will.topic = in.text("Will Topic");
    check_topic(in, will.topic, "Will Topic");
    will.payload = in.binary("Will Payload");
}

} // namespace

checked parse_connect(std::string_view body, connect_packet& out) {
    out = connect_packet{};
    field_reader in(body);
    read_protocol(in, out);
    const connect_flags flags(in.byte("Connect Flags"));
    if (in.ok()) check_connect_flags(in, flags, out.version);
    out.clean_start = flags.clean_start;
    out.keep_alive_s = in.u16("Keep Alive");
    if (in.ok() && out.version == k_version_5)
        read_properties(in, property_place::connect, out.properties);
    if (in.ok()) out.client_id = in.text("Client Identifier");
    if (in.ok() && flags.will) read_will(in, flags, out);
    if (in.ok() && flags.username) out.username = in.text("User Name");
    if (in.ok() && flags.password) out.password = in.binary("Password");
    in.expect_end("CONNECT");
    return in.finish();
}

} // namespace wharf::mqtt
