// The retained messages: one for a topic. Bounded by count and bytes: beyond that a new topic is
// not retained. One thread at a time.
#pragma once

#include "gateway/broker/outbox.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace wharf::broker {

struct retained_bounds {
    std::size_t messages_max = limits::k_retained_default;
    std::size_t bytes_max = limits::k_retained_bytes_default;
};

class retained_messages {
  public:
    explicit retained_messages(const retained_bounds& bounds) : bounds_(bounds) {}

    // Under which number a message for the topic is journaled; nothing: there is no room for it.
    // It stands only with set(); each begin() has its set() or abandon().
    [[nodiscard]] std::optional<std::uint64_t> begin(std::string_view topic, std::size_t bytes);
    [[nodiscard]] bool knows(std::string_view topic) const { return entries_.contains(topic); }
    // nullptr: there is none any more.
    void set(std::string_view topic, message_ptr message);
    void abandon(std::string_view topic);
    // Returns the number of an older one of the topic, whose erasure was lost: it has to go; or 0.
    std::uint64_t restore(std::uint64_t number, message_ptr message);

    // The first one after this topic that the filter fits, or, from_begin, of all; nullptr: none is
    // left, or so many were looked at that the budget is 0 and `after` says how far. Messages whose
    // time is over are left out.
    [[nodiscard]] const message_ptr* next(std::string_view filter, std::string& after,
                                          bool& from_begin, std::int64_t now_us,
                                          std::size_t& budget) const;
    // Takes away what has expired; `gone` hears the numbers.
    template <class Gone> void expire(std::int64_t now_us, const Gone& gone);

    // Whether one that was begun is neither set nor abandoned.
    [[nodiscard]] bool is_underway() const { return underway_ > 0; }
    [[nodiscard]] std::size_t count() const { return count_; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

  private:
    struct entry {
        std::uint64_t number = 0;
        std::size_t underway = 0; // begun, and neither set nor abandoned
        message_ptr message;
    };
    using by_topic = std::map<std::string, entry, std::less<>>;
    void replace(entry& in, message_ptr by);
    void drop_empty(by_topic::iterator at);

    const retained_bounds bounds_;
    by_topic entries_;
    std::uint64_t last_number_ = 0;
    std::size_t count_ = 0;
    std::size_t bytes_ = 0;
    std::size_t underway_ = 0; // of all topics
};

template <class Gone> void retained_messages::expire(std::int64_t now_us, const Gone& gone) {
    for (auto at = entries_.begin(); at != entries_.end();) {
        const auto each = at++;
        const auto& message = each->second.message;
        if (!message || message->expires_at_us == 0 || message->expires_at_us > now_us ||
            each->second.underway > 0)
            continue;
        gone(each->second.number);
        replace(each->second, nullptr);
        drop_empty(each);
    }
}

} // namespace wharf::broker
