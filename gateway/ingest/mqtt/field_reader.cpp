#include "gateway/ingest/mqtt/field_reader.hpp"

#include "gateway/base/bytes.hpp"
#include "gateway/ingest/mqtt/utf8.hpp"

namespace wharf::mqtt {

std::uint8_t field_reader::byte(std::string_view field) {
    if (rest_.empty()) return fail_short(field, "1 byte"), std::uint8_t{0};
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
}

std::uint16_t field_reader::u16(std::string_view field) {
    if (rest_.size() < 2) return fail_short(field, "2 bytes"), std::uint16_t{0};
    const auto value = get_big<std::uint16_t>(rest_.data());
    rest_.remove_prefix(2);
    return value;
}

std::uint32_t field_reader::u32(std::string_view field) {
    if (rest_.size() < 4) return fail_short(field, "4 bytes"), std::uint32_t{0};
    const auto value = get_big<std::uint32_t>(rest_.data());
    rest_.remove_prefix(4);
    return value;
}

std::uint32_t field_reader::varint(std::string_view field) {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < 4; ++i) {
        if (rest_.empty()) return fail_short(field, "a Variable Byte Integer"), 0u;
        const auto next = static_cast<std::uint8_t>(rest_.front());
        rest_.remove_prefix(1);
        value |= static_cast<std::uint32_t>(next & 0x7fu) << (7 * i);
        if ((next & 0x80u) != 0) continue;
        if (i > 0 && next == 0) {
            fail(reason::malformed_packet,
                 std::string(field) + ": not in the shortest form [MQTT-1.5.5-1]");
            return 0;
        }
        return value;
    }
    fail(reason::malformed_packet,
         std::string(field) + ": a Variable Byte Integer has at most 4 bytes (section 1.5.5)");
    return 0;
}

std::string_view field_reader::text(std::string_view field) {
    const auto value = binary(field);
    if (is_mqtt_utf8(value)) return value;
    fail(reason::malformed_packet,
         std::string(field) + ": expected UTF-8 without surrogates [MQTT-1.5.4-1] and without "
                              "U+0000 [MQTT-1.5.4-2]");
    return {};
}

std::string_view field_reader::binary(std::string_view field) {
    const std::size_t size = u16(field);
    return take(size, field);
}

std::string_view field_reader::take(std::size_t size, std::string_view field) {
    if (rest_.size() < size) {
        fail_short(field, std::to_string(size) + " bytes");
        return {};
    }
    const auto value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
}

std::string_view field_reader::remainder() noexcept {
    const auto value = rest_;
    rest_ = {};
    return value;
}

void field_reader::expect_end(std::string_view packet) {
    if (rest_.empty()) return;
    fail(reason::malformed_packet,
         std::string(packet) + ": " + std::to_string(rest_.size()) + " bytes after its last field");
}

void field_reader::fail(reason code, std::string message) {
    rest_ = {};
    if (!error_) error_ = protocol_error{code, std::move(message)};
}

void field_reader::fail_short(std::string_view field, std::string_view expected) {
    if (error_) return;
    fail(reason::malformed_packet, std::string(field) + ": expected " + std::string(expected) +
                                       ", the packet has " + std::to_string(rest_.size()) +
                                       " left");
}

} // namespace wharf::mqtt
