// What a message is called in the witness logs: FNV-1a with 64 bits over its topic, a zero byte and
// its payload. Publishers and subscribers note it; nobody compares payloads by anything else.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace chaos {

inline std::string digest_of(std::string_view topic, std::string_view payload) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    const auto take = [&hash](std::string_view bytes) {
        for (const char byte : bytes)
            hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
    };
    take(topic);
    take(std::string_view("\0", 1));
    take(payload);
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
    return text;
}

} // namespace chaos
