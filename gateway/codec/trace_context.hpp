// W3C Trace Context (https://www.w3.org/TR/trace-context/): how an event is followed through the
// systems that it passes. A malformed one is ignored and counted, as the specification has it: it
// is never a reason to refuse a fact. Pure; any thread; cannot fail.
#pragma once

#include "wharf/v1/event.pb.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wharf {

// The parts of a traceparent, as they stand in it.
struct trace_parent {
    std::string_view trace_id; // 32 digits
    std::string_view span_id;  // 16 digits
    bool sampled = false;
};

// Version 00, or what a later version has in common with it (section 3.2.4).
[[nodiscard]] std::optional<trace_parent> read_traceparent(std::string_view text) noexcept;
[[nodiscard]] bool is_traceparent(std::string_view text) noexcept;
// At most 32 members "key=value" of at most 512 bytes together (section 3.3).
[[nodiscard]] bool is_tracestate(std::string_view text) noexcept;

// Of version 00.
[[nodiscard]] std::string make_traceparent(std::string_view trace_id, std::uint64_t span_id,
                                           bool sampled);

struct trace_texts {
    std::string_view parent;
    std::string_view state;
};
// What an event that is serialized says; empty where it says nothing.
[[nodiscard]] trace_texts trace_of(std::string_view event_bytes) noexcept;

// For settle_trace(); `Event` is the message or its view.
template <class Event> bool settle_trace_there_is(Event& event, const trace_texts& carried);

// Brings the trace of an event into order: what is malformed goes, and a state without a parent. An
// event without a trace of its own takes `carried`, the transport's. True where something was
// ignored, of either.
template <class Event> bool settle_trace(Event& event, const trace_texts& carried) {
    const bool none = event.traceparent().empty() && event.tracestate().empty() &&
                      carried.parent.empty() && carried.state.empty();
    return !none && settle_trace_there_is(event, carried);
}

} // namespace wharf
