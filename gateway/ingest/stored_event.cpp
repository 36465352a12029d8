#include "gateway/ingest/stored_event.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/codec/wire_bytes.hpp"
#include "wharf/v1/journal.pb.h"

#include <cstring>

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
constexpr part k_parts[] = {
    {proto::kSourceFieldNumber, proto::kDeviceSequenceFieldNumber, false},
    {proto::kOccurredAtFieldNumber, proto::kOccurredAtFieldNumber, true},
    {proto::kCorrelationIdFieldNumber, proto::kTraceparentFieldNumber, false},
    {proto::kUserFieldNumber, proto::kDispositionFieldNumber, true},
};
constexpr std::size_t k_part_count = std::size(k_parts);

static_assert(k_parts[0].from == 1 && k_parts[0].to + 1 == k_parts[1].from &&
              k_parts[1].to + 1 == k_parts[2].from && k_parts[2].to + 1 == k_parts[3].from);

std::size_t text_bytes(std::string_view text) {
    return text.empty() ? 0 : wire::delimited_bytes(1, text.size());
}

char* put_text(char* out, std::size_t field, std::string_view text) {
    return text.empty() ? out : wire::put_text(out, field, text);
}

} // namespace

void write_stored_event(const event_origin& from, flat_message& event, std::string& stored,
                        std::string& content) {
    std::size_t sizes[k_part_count];
    std::size_t event_bytes = 0;
    std::size_t content_bytes = 0;
    for (std::size_t i = 0; i < k_part_count; ++i) {
        sizes[i] = event.measure(k_parts[i].from, k_parts[i].to);
        event_bytes += sizes[i];
        if (k_parts[i].content) content_bytes += sizes[i];
    }
    const auto received = static_cast<std::uint64_t>(from.received_at_us);
    const auto all = text_bytes(from.site) + text_bytes(from.device) + text_bytes(from.stream) +
                     (received == 0 ? 0 : 1 + wire::varint_bytes(received)) +
                     wire::delimited_bytes(1, event_bytes);
    stored.resize(all);
    content.resize(content_bytes);

    char* out = stored.data();
    out = put_text(out, stored_proto::kSiteFieldNumber, from.site);
    out = put_text(out, stored_proto::kDeviceFieldNumber, from.device);
    out = put_text(out, stored_proto::kStreamFieldNumber, from.stream);
    if (received != 0)
        out = wire::put_number(out, stored_proto::kReceivedAtUsFieldNumber, received);
    out = wire::put_head(out, stored_proto::kEventFieldNumber, event_bytes);
    char* copy = content.data();
    for (std::size_t i = 0; i < k_part_count; ++i) {
        char* const begin = out;
        out = event.write(k_parts[i].from, k_parts[i].to, out);
        WHARF_ASSERT(out == begin + sizes[i]);
        if (!k_parts[i].content) continue;
        std::memcpy(copy, begin, sizes[i]);
        copy += sizes[i];
    }
    WHARF_ASSERT(out == stored.data() + stored.size());
}

} // namespace wharf
