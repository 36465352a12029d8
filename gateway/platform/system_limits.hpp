// What the operating system grants a process and does for a socket. Any thread.
#pragma once

#include "gateway/base/result.hpp"

#include <cstdint>
#include <optional>

namespace wharf {

// What this process has had written to block devices since it began. Nothing where the system does
// not count it.
[[nodiscard]] std::optional<std::uint64_t> device_bytes_written();

// Raises the number of file descriptors to what the system allows, and says how many that are.
result<std::uint64_t> raise_descriptor_limit();

// The kernel ends the connection when the peer has been silent to its probes, or has left written
// bytes unread, for about so long. False where the socket is not a TCP one.
[[nodiscard]] bool watch_peer(int socket, unsigned silence_s);

} // namespace wharf
