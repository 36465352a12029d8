// A whole PUBLISH: its topic up to the first line feed, then its payload.
#include "gateway/base/limits.hpp"
#include "gateway/ingest/intake.hpp"
#include "tests/fuzz/codec/round_trip.hpp"
#include "tests/support/plain_event.hpp"

#include <google/protobuf/stubs/common.h>
#include <google/protobuf/stubs/logging.h>

#include <algorithm>

namespace {

wharf::intake make() {
    auto made = wharf::make_intake(
        {.site = "ber1",
         .profiles = {{.name = "all", .on_double_trigger = wharf::double_trigger_policy::flag}}});
    return std::move(*made);
}

// What is taken over its bytes is taken by protobuf too, and is the same.
void check_ways(std::string_view bytes) {
    const auto plainly = wharf::test::taken_plainly(bytes);
    if (!plainly) return;
    const auto expected = wharf::test::taken_by_protobuf(bytes);
    WHARF_ASSERT(expected.ok() && *expected == *plainly);
}

void check_event(const wharf::intake& in, const wharf::prepared_event& event) {
    wharf::v1::StoredEvent stored;
    WHARF_ASSERT(event.stored.size() <= wharf::limits::k_event_bytes_max);
    WHARF_ASSERT(stored.ParseFromString(event.stored));
    WHARF_ASSERT(stored.SerializeAsString() == event.stored);
    check_ways(stored.event().SerializeAsString());
    WHARF_ASSERT(!event.order_keys.empty());
    WHARF_ASSERT(event.order_keys.size() <= wharf::limits::k_order_keys_max);
    WHARF_ASSERT(std::is_sorted(event.order_keys.begin(), event.order_keys.end()));
    WHARF_ASSERT(event.identity_keys.empty() ==
                 ((event.flags & wharf::k_flag_without_identity) != 0));
    WHARF_ASSERT(!event.trigger_key.empty());

    // The same event again, in the other codec, is the same to the journal.
    const auto topic = "wharf/1/" + stored.site() + "/" + stored.device() + "/s.pb";
    if (stored.device().find('/') != std::string::npos) return;
    const auto payload = stored.event().SerializeAsString();
    const auto again = in.prepare({.topic = topic, .payload = payload, .client_id = "c"}, 1, true);
    const auto* same = std::get_if<wharf::prepared_event>(&again.items.at(0).what);
    // Its stream has a shorter name, so it cannot have grown too large.
    WHARF_ASSERT(same != nullptr);
    WHARF_ASSERT(same->identity_keys == event.identity_keys);
    WHARF_ASSERT(same->content == event.content);
    WHARF_ASSERT(same->order_keys == event.order_keys);
    WHARF_ASSERT(same->trigger_key == event.trigger_key);
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    google::protobuf::SetLogHandler(nullptr); // it reports text that is not UTF-8
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const wharf::intake in = make();
    const auto input = wharf::fuzz::view_of(data, size);
    const auto line = std::min(input.find('\n'), input.size());
    const auto topic = input.substr(0, line);
    if (!google::protobuf::internal::IsStructurallyValidUTF8(topic.data(),
                                                             static_cast<int>(topic.size())))
        return 0; // the session machine does not let it pass
    const auto payload = input.substr(std::min(line + 1, input.size()));
    check_ways(payload);
    const auto message =
        in.prepare({.topic = topic, .payload = payload, .client_id = "c"}, 1, true);
    WHARF_ASSERT(!message.items.empty());
    WHARF_ASSERT(message.items.size() <= wharf::limits::k_events_per_message_max);
    for (const auto& item : message.items) {
        if (const auto* event = std::get_if<wharf::prepared_event>(&item.what)) {
            check_event(in, *event);
        } else {
            const auto& refused = std::get<wharf::prepared_quarantine>(item.what);
            WHARF_ASSERT(!refused.reason.empty() && !refused.detail.empty());
        }
    }
    return 0;
}
