// What waits for one session: messages of QoS 1 and 2 in order, from their routing to the client's
// last acknowledgement. A machine without input or output: it says what is to be sent, the broker
// sends it and journals what has to be durable. One thread at a time.
//
// A message's number is its place; its packet identifier follows from it, so that after a restart a
// PUBLISH is repeated under the identifier that the client knows. The numbers between the oldest
// unacknowledged message and the newest are fewer than there are identifiers.
#pragma once

#include "gateway/base/limits.hpp"
#include "gateway/broker/message.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

namespace wharf::broker {

enum class place : std::uint8_t {
    reserved, // not durable yet: not to be sent
    ready,
    sent,      // its PUBACK or PUBREC is awaited
    releasing, // QoS 2: the client has it, that is being made durable
    released,  // QoS 2: its PUBCOMP is awaited
    done,
};

struct outgoing {
    message_ptr message; // nullptr once the client has it
    std::vector<std::uint32_t> identifiers;
    std::uint32_t bytes = 0;
    std::uint8_t qos = 1;
    bool retain = false;
    bool dup = false;  // it may have been sent before
    bool sent = false; // it was, in this run
    place at = place::ready;
};

class outbox {
  public:
    // What a message counts for besides its own bytes.
    static constexpr std::size_t k_entry_bytes = 128;

    [[nodiscard]] static std::uint16_t packet_id_of(std::uint64_t number) {
        return static_cast<std::uint16_t>(number % 65'535 + 1);
    }
    // The number of the message with this identifier; 0: there is none.
    [[nodiscard]] std::uint64_t number_of(std::uint16_t packet_id) const;

    [[nodiscard]] bool has_room(std::size_t bytes, std::size_t messages_max) const;
    // REQUIRES: has_room(). Returns its number, from 1 on.
    std::uint64_t add(outgoing what);
    // As it was before a restart: in order of the numbers.
    void restore(std::uint64_t number, outgoing what);
    // nullptr: it is done, or never was.
    [[nodiscard]] outgoing* find(std::uint64_t number);
    // Its bytes are no longer kept: how many those were.
    std::size_t shrink(std::uint64_t number);
    // It came to its end, whatever that was.
    void finish(std::uint64_t number);

    // The next to be looked at on this connection; nullptr: none. An entry that is `reserved` holds
    // back those behind it.
    [[nodiscard]] outgoing* next(std::uint64_t& number);
    // Whether it was passed on this connection.
    [[nodiscard]] bool is_passed(std::uint64_t number) const { return number < cursor_; }
    // Go on behind it.
    void passed() { ++cursor_; }
    // A new connection: what was sent and not acknowledged is sent again.
    void restart();

    [[nodiscard]] std::size_t count() const { return count_; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    // Not yet sent on this connection.
    [[nodiscard]] std::size_t waiting() const {
        return static_cast<std::size_t>(end() - std::max(cursor_, begin_));
    }
    [[nodiscard]] std::uint64_t begin() const { return begin_; }
    [[nodiscard]] std::uint64_t end() const { return begin_ + entries_.size(); }

  private:
    [[nodiscard]] outgoing& at(std::uint64_t number) {
        return entries_[static_cast<std::size_t>(number - begin_)];
    }

    std::deque<outgoing> entries_; // numbers from begin_ on
    std::uint64_t begin_ = 1;
    std::uint64_t cursor_ = 1;
    std::size_t count_ = 0; // without those that are done
    std::size_t bytes_ = 0;
};

} // namespace wharf::broker
