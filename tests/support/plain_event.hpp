// The two ways from an event's bytes to what the journal is asked for, side by side: over the bytes
// themselves (gateway/codec/flat_message.hpp), and by protobuf. What the first takes the second
// must take too and say the same.
#pragma once

#include "gateway/codec/flat_event.hpp"
#include "gateway/codec/protobuf_codec.hpp"
#include "gateway/codec/trace_context.hpp"
#include "gateway/codec/validate.hpp"
#include "gateway/identity/rules.hpp"
#include "gateway/ingest/stored_event.hpp"
#include "gateway/ingest/trigger.hpp"
#include "tests/support/identities.hpp"
#include "wharf/v1/journal.pb.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wharf::test {

struct taken_event {
    std::string stored;
    std::vector<identity_key> identity_keys;
    digest128 content{};
    std::vector<std::uint64_t> order_keys;
    std::string trigger_key;
    wharf::v1::Event::BodyCase body{};

    bool operator==(const taken_event&) const = default;
};

inline constexpr std::string_view k_site = "ber1";
inline constexpr std::string_view k_device = "scanner-07";

// Nothing where the bytes are not plainly an event in order.
inline std::optional<taken_event> taken_plainly(std::string_view bytes) {
    static flat_message message(*wharf::v1::Event::descriptor());
    if (!message.read(bytes)) return std::nullopt;
    flat::event_view event(message, 0);
    settle_trace(event, {});
    if (!validate(event, k_site, k_device).ok()) return std::nullopt;
    taken_event out;
    static stored_event_writer writer;
    out.stored = writer.write({k_site, k_device, "s", -1}, message);
    identity_of(event, writer.content(), k_digests, out.identity_keys, out.content);
    order_keys_of(event, out.order_keys);
    out.trigger_key = trigger_key_of(event, k_device);
    out.body = event.body_case();
    return out;
}

inline result<taken_event> taken_by_protobuf(std::string_view bytes) {
    WHARF_TRY_ASSIGN(auto event, event_from_protobuf(bytes));
    settle_trace(event, {});
    WHARF_TRY(validate(event, k_site, k_device));
    taken_event out;
    auto identity = identity_of(event, k_digests);
    out.identity_keys = std::move(identity.keys);
    out.content = identity.content;
    out.order_keys = order_keys_of(event);
    out.trigger_key = trigger_key_of(event, k_device);
    out.body = event.body_case();
    wharf::v1::StoredEvent stored;
    stored.set_site(std::string(k_site));
    stored.set_device(std::string(k_device));
    stored.set_stream("s");
    stored.set_received_at_us(-1);
    *stored.mutable_event() = std::move(event);
    out.stored = stored.SerializeAsString();
    return out;
}

} // namespace wharf::test
