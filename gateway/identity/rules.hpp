// What makes two events the same, and which events must stay in order. Pure functions of a
// validated event (gateway/codec/validate.hpp); any thread; cannot fail. docs/formats/event.md says
// in words what the keys are made of.
#pragma once

#include "gateway/identity/key.hpp"
#include "wharf/v1/event.pb.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace wharf {

namespace flat {
class event_view;
}

struct event_identity {
    // The same key is the same event; two events are the same when they share any. At most two:
    // (source, event_id) and the business key; or one, a hash of content that carries a device time
    // or a device sequence; or none, and nothing tells the event from an equal one.
    std::vector<identity_key> keys;
    // Of what must be equal under one key. The same key with another digest is a contradiction.
    digest128 content{};

    [[nodiscard]] bool none() const noexcept { return keys.empty(); }
};

// The event is afterwards what it was before.
[[nodiscard]] event_identity identity_of(wharf::v1::Event& event, const digest_key& key);
// The same into memory that is used again. content_bytes: what protobuf writes of the event without
// source, event_id, device_sequence, correlation_id, traceparent and tracestate.
void identity_of(const flat::event_view& event, std::string_view content_bytes,
                 const digest_key& key, std::vector<identity_key>& keys, digest128& content);

// hash64 of each document and each stock key the event touches: sorted, none twice, at most
// limits::k_order_keys_max. Two events that share one are delivered in journal order.
[[nodiscard]] std::vector<std::uint64_t> order_keys_of(const wharf::v1::Event& event);
void order_keys_of(const wharf::v1::Event& event, std::vector<std::uint64_t>& keys);
void order_keys_of(const flat::event_view& event, std::vector<std::uint64_t>& keys);
// That of a document (an order, a task, a shipment, a package ...) by its name. REQUIRES: at most
// limits::k_identifier_bytes_max bytes.
[[nodiscard]] std::uint64_t document_key(std::string_view name);

} // namespace wharf
