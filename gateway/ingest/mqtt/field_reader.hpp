// Reads the fields of one MQTT packet from front to back, without copying. The first failure is
// kept with its words and stops the reading: what is read afterwards is zero or empty, so a parser
// checks once at the end. Any thread.
#pragma once

#include "gateway/ingest/mqtt/reason.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace wharf::mqtt {

class field_reader {
  public:
    explicit field_reader(std::string_view bytes) noexcept : rest_(bytes) {}

    // Each takes the field's name for the error.
    std::uint8_t byte(std::string_view field);
    std::uint16_t u16(std::string_view field);
    std::uint32_t u32(std::string_view field);
    // Variable Byte Integer, at most four bytes, shortest form only [MQTT-1.5.5-1].
    std::uint32_t varint(std::string_view field);
    // UTF-8 Encoded String [MQTT-1.5.4-1], [MQTT-1.5.4-2].
    std::string_view text(std::string_view field);
    // Binary Data: two bytes of length, then anything.
    std::string_view binary(std::string_view field);
    // REQUIRES for the meaning: the caller knows the size. Fails where fewer bytes are left.
    std::string_view take(std::size_t size, std::string_view field);
    // All that is left.
    std::string_view remainder() noexcept;

    // Nothing may follow.
    void expect_end(std::string_view packet);

    // Keeps the first failure only.
    void fail(reason code, std::string message);

    [[nodiscard]] bool ok() const noexcept { return !error_.has_value(); }
    [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return rest_.size(); }
    // The outcome; the reader is spent.
    [[nodiscard]] checked finish() {
        if (error_) return std::move(*error_);
        return success{};
    }

  private:
    void fail_short(std::string_view field, std::string_view expected);

    std::string_view rest_;
    std::optional<protocol_error> error_;
};

} // namespace wharf::mqtt
