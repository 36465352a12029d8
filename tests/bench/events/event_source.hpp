// Events for the benches: one of about 200 bytes, serialized once, whose id and stock number are
// digits of fixed width, so that a new event is a copy and two patches. Any thread; cannot fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bench {

// traced: protobuf, with a W3C trace; padded: as many bytes, and none.
enum class payload_kind : std::uint8_t { protobuf, json, traced, padded };

class event_template {
  public:
    explicit event_template(payload_kind kind);

    [[nodiscard]] const std::string& bytes() const { return bytes_; }

    // Makes a copy of bytes() the event of that number: of its own id, on one of k_stock_keys.
    void number(char* copy, std::uint64_t id) const;

    static constexpr std::uint64_t k_stock_keys = 10'000;

  private:
    std::string bytes_;
    std::size_t id_at_ = 0;
    std::size_t stock_at_ = 0;
};

// The topic of this device's events, as docs/formats/topics.md has it.
[[nodiscard]] std::string topic_of(payload_kind kind, unsigned device);

} // namespace bench
