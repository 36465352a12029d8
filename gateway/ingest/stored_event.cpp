#include "gateway/ingest/stored_event.hpp"

#include "wharf/v1/journal.pb.h"

#include <algorithm>
#include <span>

namespace wharf {

namespace {

using proto = wharf::v1::Event;
using stored_proto = wharf::v1::StoredEvent;

// Fields of the event from one number to another, and whether they are content: who carried an
// event and what it is called are not.
struct part {
    std::size_t from;
    std::size_t to;
    bool content;
};
// The last first, as they are written.
constexpr part k_parts[] = {
    {proto::kUserFieldNumber, proto::kDispositionFieldNumber, true},
    {proto::kCorrelationIdFieldNumber, proto::kTraceparentFieldNumber, false},
    {proto::kOccurredAtFieldNumber, proto::kOccurredAtFieldNumber, true},
    {proto::kSourceFieldNumber, proto::kDeviceSequenceFieldNumber, false},
};
// The same where there is a tracestate, which stands amid the content.
constexpr part k_traced_parts[] = {
    {proto::kTracestateFieldNumber + 1, proto::kDispositionFieldNumber, true},
    {proto::kTracestateFieldNumber, proto::kTracestateFieldNumber, false},
    {proto::kUserFieldNumber, proto::kTracestateFieldNumber - 1, true},
    k_parts[1],
    k_parts[2],
    k_parts[3],
};

constexpr bool without_gap(std::span<const part> parts) {
    for (std::size_t i = 1; i < parts.size(); ++i)
        if (parts[i].to + 1 != parts[i - 1].from) return false;
    return parts.back().from == 1 && parts.front().to == proto::kDispositionFieldNumber;
}
static_assert(without_gap(k_parts) && without_gap(k_traced_parts));

void put_text(wire::back_writer& out, int field, std::string_view text) {
    if (!text.empty()) out.text(static_cast<std::size_t>(field), text);
}

} // namespace

std::string_view stored_event_writer::write(const event_origin& from, const flat_message& event) {
    wire::back_writer out(bytes_.data(), bytes_.size());
    std::size_t content_begin = content_.size();
    put_text(out, stored_proto::kBridgeFieldNumber, from.bridge);
    const auto event_end = out.size();
    const bool with_state = event.has(0, proto::kTracestateFieldNumber);
    for (const auto& each :
         with_state ? std::span<const part>(k_traced_parts) : std::span<const part>(k_parts)) {
        const auto before = out.size();
        event.write(each.from, each.to, out);
        if (!each.content) continue;
        const auto part = out.since(before);
        content_begin -= part.size();
        std::copy(part.begin(), part.end(), content_.begin() + content_begin);
    }
    content_begin_ = content_begin;
    out.head(stored_proto::kEventFieldNumber, out.size() - event_end);
    if (from.released_from != 0)
        out.number(stored_proto::kReleasedFromFieldNumber, from.released_from);
    const auto received = static_cast<std::uint64_t>(from.received_at_us);
    if (received != 0) out.number(stored_proto::kReceivedAtUsFieldNumber, received);
    put_text(out, stored_proto::kStreamFieldNumber, from.stream);
    put_text(out, stored_proto::kDeviceFieldNumber, from.device);
    put_text(out, stored_proto::kSiteFieldNumber, from.site);
    return out.since(0);
}

} // namespace wharf
