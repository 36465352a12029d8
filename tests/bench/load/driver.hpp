// Runs the publishers against a broker and says what came of it. One thread.
#pragma once

#include "tests/bench/load/publisher.hpp"

namespace bench {

struct load_options {
    publisher_options publisher;
    unsigned connections = 8;
    double warm_up_s = 1;
    double seconds = 5;
    double rate = 0;         // events per second in all, on a fixed schedule; 0: as fast as it goes
    std::uint64_t count = 0; // ends after so many acknowledgements; 0: after `seconds`
    std::uint64_t first_event = 1;
};

struct load_report {
    double seconds = 0;
    std::uint64_t acknowledged = 0; // while measured
    std::uint64_t unanswered = 0;   // at the end, though waited for
    std::uint64_t refused = 0;
    std::uint64_t last_event = 0;
    double cpu_s = 0;           // of the generator, while measured
    double first_ack_s = 0;     // from the first connect
    latency_histogram latency;  // from when an event was due
    latency_histogram lateness; // of the generator behind its own schedule
    std::size_t payload_bytes = 0;
};

[[nodiscard]] load_report run_load(const load_options& options);

} // namespace bench
