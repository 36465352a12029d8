// What the journal keeps of an event, written from the event's view: the bytes that protobuf writes
// of a wharf.v1.StoredEvent, without building one. One thread at a time; cannot fail.
#pragma once

#include "gateway/base/limits.hpp"
#include "gateway/codec/flat_message.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace wharf {

struct event_origin {
    std::string_view site;
    std::string_view device;
    std::string_view stream;
    std::int64_t received_at_us = 0;
    std::string_view bridge = {};
    std::uint64_t released_from = 0;
};

class stored_event_writer {
  public:
    stored_event_writer() : bytes_(k_bytes_max, '\0'), content_(k_bytes_max, '\0') {}

    // Valid until the next one. REQUIRES: the message is a wharf.v1.Event.
    [[nodiscard]] std::string_view write(const event_origin& from, const flat_message& event);
    // Of the event that was written last, what identity_of() asks for (gateway/identity/rules.hpp).
    [[nodiscard]] std::string_view content() const {
        return std::string_view(content_).substr(content_begin_);
    }

  private:
    static constexpr std::size_t k_bytes_max = limits::k_flat_written_bytes_max + 1024;
    std::string bytes_;
    std::string content_; // at its end
    std::size_t content_begin_ = k_bytes_max;
};

} // namespace wharf
