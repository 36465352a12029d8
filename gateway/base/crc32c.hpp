// CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of every journal record. Any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace wharf {

// Continues a checksum: crc32c(b, crc32c(a)) == crc32c(a + b).
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t previous = 0) noexcept;

// The same without the machine's instruction for it: what crc32c() is held against in tests.
[[nodiscard]] std::uint32_t crc32c_by_table(std::string_view bytes,
                                            std::uint32_t previous = 0) noexcept;

} // namespace wharf
