// What the journal keeps of an event, written from the event's view: the bytes that protobuf writes
// of a wharf.v1.StoredEvent, without building one. Any thread; cannot fail.
#pragma once

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
};

// content: of the event alone, what identity_of() asks for (gateway/identity/rules.hpp).
// REQUIRES: the message is a wharf.v1.Event.
void write_stored_event(const event_origin& from, flat_message& event, std::string& stored,
                        std::string& content);

} // namespace wharf
