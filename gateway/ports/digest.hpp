// Digests. SHA-256 for sealed batches; a keyed 128-bit one (SipHash-2-4-128) for identity: who does
// not know the journal's key cannot make two contents with the same digest, and it costs a fifth of
// SHA-256. Implemented in gateway/platform over mbedTLS and libsodium. Any thread; cannot fail.
#pragma once

#include <array>
#include <memory>
#include <string_view>

namespace wharf {

using sha256_digest = std::array<char, 32>;
using digest128 = std::array<char, 16>;
// Drawn at random when a journal is made and kept in its header.
using digest_key = std::array<char, 16>;

[[nodiscard]] sha256_digest sha256(std::string_view bytes) noexcept;
[[nodiscard]] digest128 keyed_digest(const digest_key& key, std::string_view bytes) noexcept;

// SHA-256 of what comes in pieces. finish() once, as the last call.
class sha256_stream {
  public:
    sha256_stream();
    ~sha256_stream();
    sha256_stream(const sha256_stream&) = delete;
    sha256_stream& operator=(const sha256_stream&) = delete;
    void add(std::string_view bytes) noexcept;
    [[nodiscard]] sha256_digest finish() noexcept;

  private:
    struct state;
    std::unique_ptr<state> state_;
};

template <std::size_t Size>
std::string_view view_of(const std::array<char, Size>& digest) noexcept {
    return {digest.data(), digest.size()};
}

} // namespace wharf
