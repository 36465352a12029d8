// Identity keys and digests of content from words, under a key that is the same in every test.
#pragma once

#include "gateway/identity/key.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace wharf::test {

inline constexpr digest_key k_digests{'t', 'e', 's', 't'};

inline std::vector<identity_key> keys_of(const std::vector<std::string>& words) {
    std::vector<identity_key> keys;
    for (const std::string& word : words)
        keys.emplace_back(k_digests, word);
    return keys;
}

inline digest128 content_of(std::string_view words) {
    return keyed_digest(k_digests, words);
}

} // namespace wharf::test
