// Cryptographic digests, for identity and for sealed batches. Implemented in gateway/platform over
// mbedTLS. Any thread; cannot fail.
#pragma once

#include <array>
#include <string_view>

namespace wharf {

using sha256_digest = std::array<char, 32>;

[[nodiscard]] sha256_digest sha256(std::string_view bytes) noexcept;

inline std::string_view view_of(const sha256_digest& digest) noexcept {
    return {digest.data(), digest.size()};
}

} // namespace wharf
