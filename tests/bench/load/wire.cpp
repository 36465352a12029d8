#include "tests/bench/load/wire.hpp"

#include <cstring>

namespace bench {

namespace {

void put_u16(std::string& to, std::size_t value) {
    to.push_back(static_cast<char>(value >> 8));
    to.push_back(static_cast<char>(value));
}

void put_text(std::string& to, std::string_view text) {
    put_u16(to, text.size());
    to.append(text);
}

std::string packet_of(std::uint8_t first, std::string_view body) {
    std::string out(1, static_cast<char>(first));
    std::size_t rest = body.size();
    do {
        const std::size_t low = rest % 128;
        rest /= 128;
        out.push_back(static_cast<char>(low | (rest > 0 ? 128 : 0)));
    } while (rest > 0);
    return out.append(body);
}

} // namespace

std::string connect_packet(int version, std::string_view client_id, bool persistent) {
    std::string body;
    put_text(body, "MQTT");
    body.push_back(static_cast<char>(version));
    body.push_back(persistent ? 0 : 2); // clean session
    put_u16(body, 0);                   // no keep-alive
    if (version == 5) {
        std::string properties;
        if (persistent) properties.append("\x11\x00\x00\x0e\x10", 5); // an hour
        body.push_back(static_cast<char>(properties.size()));
        body.append(properties);
    }
    put_text(body, client_id);
    return packet_of(k_connect << 4, body);
}

std::string subscribe_packet(int version, std::string_view filter, unsigned qos) {
    std::string body;
    put_u16(body, 1);
    if (version == 5) body.push_back(0);
    put_text(body, filter);
    body.push_back(static_cast<char>(qos));
    return packet_of(k_subscribe << 4 | 2, body);
}

std::string puback_packet(std::uint16_t packet_id) {
    std::string out("\x40\x02", 2);
    put_u16(out, packet_id);
    return out;
}

publish_template::publish_template(int version, payload_kind kind, unsigned device) : event_(kind) {
    std::string body;
    put_text(body, topic_of(kind, device));
    const std::size_t id_in_body = body.size();
    put_u16(body, 0);
    if (version == 5) body.push_back(0);
    const std::size_t payload_in_body = body.size();
    body.append(event_.bytes());
    bytes_ = packet_of(k_publish << 4 | 2, body);
    const std::size_t header = bytes_.size() - body.size();
    packet_id_at_ = header + id_in_body;
    payload_at_ = header + payload_in_body;
}

void publish_template::write(char* to, std::uint16_t packet_id, std::uint64_t event) const {
    std::memcpy(to, bytes_.data(), bytes_.size());
    to[packet_id_at_] = static_cast<char>(packet_id >> 8);
    to[packet_id_at_ + 1] = static_cast<char>(packet_id);
    event_.number(to + payload_at_, event);
}

packet_view first_packet(std::string_view bytes) {
    std::size_t length = 0;
    for (std::size_t i = 1; i < 5 && i < bytes.size(); ++i) {
        const auto byte = static_cast<unsigned char>(bytes[i]);
        length |= std::size_t{byte & 127U} << (7 * (i - 1));
        if (byte >= 128) continue;
        if (bytes.size() < i + 1 + length) return {};
        const auto first = static_cast<unsigned char>(bytes[0]);
        return {static_cast<std::uint8_t>(first >> 4), static_cast<std::uint8_t>(first & 15),
                bytes.substr(i + 1, length), i + 1 + length};
    }
    return {};
}

std::uint16_t packet_id_of_publish(std::string_view body) {
    auto u16 = [&](std::size_t at) {
        return static_cast<unsigned>(static_cast<unsigned char>(body[at]) << 8 |
                                     static_cast<unsigned char>(body[at + 1]));
    };
    if (body.size() < 2 || body.size() < u16(0) + 4) return 0;
    return static_cast<std::uint16_t>(u16(2 + u16(0)));
}

} // namespace bench
