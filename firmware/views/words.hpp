// An event in the words of a warehouse: for a person who knows stock and orders, not schemas. Pure;
// text from devices is made safe for a terminal. Any thread.
#pragma once

#include "gateway/base/text.hpp"
#include "wharf/v1/event.pb.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace wharf::views {

struct event_words {
    std::string what;     // "2 EA of 4711 were picked from A-01 for order SO-9"
    std::string item;     // "SKU 4711, lot L1"; empty where the kind has no item
    std::string document; // "task T-9, line 1"
    std::string person;
    std::string occurred_at; // by the device's clock; empty where it sent none
};

[[nodiscard]] event_words words_of(const v1::Event& event);

// RFC 3339, UTC.
[[nodiscard]] std::string time_text(std::int64_t microseconds_since_1970);
// "2 hours 5 minutes"
[[nodiscard]] std::string duration_text(double seconds);
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

} // namespace wharf::views
