// What a server says, read by a reader of its own that knows nothing of the product's writers and
// takes no packet that is not as the standard has it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wharf::fuzz {

// Says what is wrong, and ends the process.
[[noreturn]] void violated(const std::string& what);
inline void expect(bool holds, const std::string& what) {
    if (!holds) violated(what);
}

// Told of each step where FUZZ_BROKER_TRACE is set: to see what an input does.
[[nodiscard]] bool tracing();
void trace(const std::string& what);

struct properties {
    std::map<unsigned, std::uint32_t> numbers;
    std::map<unsigned, std::string> texts;
    std::vector<std::uint32_t> identifiers; // of subscriptions
    std::vector<std::pair<std::string, std::string>> user;

    [[nodiscard]] std::string text(unsigned id) const {
        const auto found = texts.find(id);
        return found == texts.end() ? std::string() : found->second;
    }
};

struct said {
    unsigned type = 0;
    unsigned flags = 0;
    std::size_t bytes = 0;
    unsigned packet_id = 0;
    unsigned code = 0;            // CONNACK, acknowledgements, DISCONNECT
    bool session_present = false; // CONNACK
    std::string topic, payload;   // PUBLISH
    std::string codes;            // SUBACK, UNSUBACK
    properties more;

    [[nodiscard]] unsigned qos() const { return (flags >> 1) & 3; }
    [[nodiscard]] bool dup() const { return (flags & 8) != 0; }
    [[nodiscard]] bool retain() const { return (flags & 1) != 0; }
};

// The packet at the front, taken off; nothing while it is incomplete.
std::optional<said> take_said(std::string& from, unsigned version);

[[nodiscard]] bool fits(std::string_view filter, std::string_view topic);

} // namespace wharf::fuzz
