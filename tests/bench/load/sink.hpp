// The generator's own ceiling: a server that reads just enough of each PUBLISH to acknowledge it,
// from memory. Not a broker. Runs until the process is ended.
#pragma once

#include <cstdint>

namespace bench {

[[noreturn]] void run_sink(std::uint16_t port);

} // namespace bench
