// The acknowledgements a connection owes, in the order of the packets they answer. Completions come
// in any order; only the ready ones at the front leave. A ring that grows to the largest number
// ever owed and is then used again: the session holds the bound. One thread at a time.
#pragma once

#include "gateway/base/assert.hpp"
#include "gateway/ingest/mqtt/reason.hpp"

#include <bit>
#include <cstdint>
#include <vector>

namespace wharf::mqtt {

enum class owed : std::uint8_t {
    nothing,         // a QoS 0 PUBLISH: counted, not answered
    puback,          // a QoS 1 PUBLISH
    pubrec,          // a QoS 2 PUBLISH
    pubrec_repeated, // a QoS 2 PUBLISH whose identifier was already known
    pubrec_in_use,   // a QoS 2 PUBLISH whose identifier is being released: refused
    pubcomp,         // a PUBREL
    pubcomp_again,   // a PUBREL for what is being released already, or is not known
};

struct owed_ack {
    std::uint32_t bytes = 0;
    std::uint16_t packet_id = 0;
    owed kind = owed::nothing;
    reason code = reason::success;
    bool ready = false;
};

class ack_queue {
  public:
    // The token of the entry; it grows by one from 1 on.
    std::uint64_t push(const owed_ack& entry) {
        if (size() == ring_.size()) grow();
        slot(end_) = entry;
        return end_++;
    }
    void pop() {
        WHARF_ASSERT(!empty());
        ++begin_;
    }
    // Nothing for a token that is not in the queue.
    [[nodiscard]] owed_ack* find(std::uint64_t token) noexcept {
        return token >= begin_ && token < end_ ? &slot(token) : nullptr;
    }
    [[nodiscard]] owed_ack& front() {
        WHARF_ASSERT(!empty());
        return slot(begin_);
    }
    [[nodiscard]] std::uint64_t begin_token() const noexcept { return begin_; }
    [[nodiscard]] std::uint64_t end_token() const noexcept { return end_; }
    [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
    [[nodiscard]] std::size_t size() const noexcept {
        return static_cast<std::size_t>(end_ - begin_);
    }

  private:
    owed_ack& slot(std::uint64_t token) noexcept {
        return ring_[static_cast<std::size_t>(token) & (ring_.size() - 1)];
    }
    void grow() {
        std::vector<owed_ack> larger(ring_.empty() ? 16 : ring_.size() * 2);
        for (auto token = begin_; token != end_; ++token)
            larger[static_cast<std::size_t>(token) & (larger.size() - 1)] = slot(token);
        ring_ = std::move(larger);
        WHARF_ASSERT(std::has_single_bit(ring_.size()));
    }

    std::vector<owed_ack> ring_;
    std::uint64_t begin_ = 1;
    std::uint64_t end_ = 1;
};

} // namespace wharf::mqtt
