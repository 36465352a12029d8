// Writes MQTT packets byte by byte for the tests, without the module's own writers.
#pragma once

#include "gateway/base/bytes.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace wharf::mqtt::wire {

// Bytes from pairs of hexadecimal digits; blanks may stand between them.
inline std::string hex(std::string_view digits) {
    std::string dense;
    for (const char c : digits)
        if (c != ' ') dense.push_back(c);
    return from_hex(dense).value();
}

inline std::string u16(unsigned value) {
    std::string out;
    put_big<std::uint16_t>(out, static_cast<std::uint16_t>(value));
    return out;
}

inline std::string u32(std::uint32_t value) {
    std::string out;
    put_big<std::uint32_t>(out, value);
    return out;
}

inline std::string text(std::string_view value) {
    return u16(static_cast<unsigned>(value.size())) + std::string(value);
}

inline std::string varint(std::size_t value) {
    std::string out;
    do {
        auto low = static_cast<unsigned char>(value & 0x7f);
        value >>= 7;
        if (value != 0) low |= 0x80;
        out.push_back(static_cast<char>(low));
    } while (value != 0);
    return out;
}

inline std::string packet(unsigned first_byte, std::string_view body) {
    return std::string(1, static_cast<char>(first_byte)) + varint(body.size()) + std::string(body);
}

// A property list with its length in front.
inline std::string list(std::string_view properties = {}) {
    return varint(properties.size()) + std::string(properties);
}

// CONNECT with a client identifier and nothing after it.
inline std::string connect_body(unsigned level, unsigned flags, unsigned keep_alive_s,
                                std::string_view client_id, std::string_view properties = {}) {
    return text("MQTT") + static_cast<char>(level) + static_cast<char>(flags) + u16(keep_alive_s) +
           (level == 5 ? list(properties) : std::string()) + text(client_id);
}
inline std::string connect(unsigned level, unsigned flags = 2, unsigned keep_alive_s = 60,
                           std::string_view client_id = "scanner-7",
                           std::string_view properties = {}) {
    return packet(0x10, connect_body(level, flags, keep_alive_s, client_id, properties));
}

inline std::string publish_body(unsigned level, unsigned qos, unsigned packet_id,
                                std::string_view topic, std::string_view payload,
                                std::string_view properties = {}) {
    return text(topic) + (qos > 0 ? u16(packet_id) : std::string()) +
           (level == 5 ? list(properties) : std::string()) + std::string(payload);
}
inline std::string publish(unsigned level, unsigned qos, unsigned packet_id,
                           std::string_view payload = "x", bool dup = false,
                           std::string_view topic = "a/b", std::string_view properties = {}) {
    return packet(0x30 | (qos << 1) | (dup ? 8u : 0u),
                  publish_body(level, qos, packet_id, topic, payload, properties));
}
inline std::string pubrel(unsigned packet_id) {
    return packet(0x62, u16(packet_id));
}
inline std::string pingreq() {
    return hex("c000");
}
inline std::string disconnect() {
    return hex("e000");
}

} // namespace wharf::mqtt::wire
