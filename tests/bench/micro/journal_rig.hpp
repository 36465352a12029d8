// The journal as wharfd opens it, without network and threads: for the programs that drive it
// alone. A failure ends the program with its words.
#pragma once

#include "gateway/base/limits.hpp"
#include "gateway/ingest/intake.hpp"
#include "gateway/journal/journal.hpp"
#include "tests/bench/events/event_source.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace bench {

[[noreturn]] void die(const std::string& why);

template <class T> T taken(wharf::result<T> from) {
    if (!from.ok()) die(from.failure().message);
    return std::move(from).value();
}
void check(const wharf::status& done);

struct journal_place {
    std::string path;
    std::uint64_t size_mb = 1024;
    std::vector<std::string> destinations;
    std::uint64_t identities_max = 10'000'000;
    std::uint64_t ring_mb = wharf::limits::k_ring_mb_default; // 0: LMDB alone
};

class journal_rig {
  public:
    explicit journal_rig(const journal_place& at);

    // One event per message, of one connected client. Outside of what is measured.
    [[nodiscard]] wharf::journal_request prepare(std::uint64_t event) const;
    // The same in its steps, as the journal thread does.
    void begin();
    void apply(const wharf::journal_request* first, std::size_t count);
    void end();
    // One group of new events: begin, apply all, maintain, commit, the store's chance to tidy up.
    void commit(const wharf::journal_request* first, std::size_t count);

    // As a clean stop does; nothing may follow.
    void close();

    [[nodiscard]] const wharf::intake& ingest() const { return ingest_; }
    [[nodiscard]] wharf::journal& log() { return *log_; }
    [[nodiscard]] std::uint64_t generation() const { return generation_; }
    // Bytes of one event as the journal keeps it, without keys and heads.
    [[nodiscard]] std::size_t stored_bytes() const;

    static constexpr const char* k_client = "bench-0";

  private:
    event_template event_{payload_kind::protobuf};
    wharf::intake ingest_;
    std::unique_ptr<wharf::store> over_;
    wharf::identity_window window_;
    std::unique_ptr<wharf::journal> log_;
    std::uint64_t generation_ = 0;
    std::int64_t opened_us_ = 0;
};

} // namespace bench
