#include "gateway/journal/request_bytes.hpp"

#include <algorithm>

namespace wharf {

namespace {

// What requests count for besides the bytes they carry.
constexpr std::size_t k_request_bytes = 256;
constexpr std::size_t k_op_bytes = 64;
constexpr std::size_t k_sealed_item_bytes = 32;

std::size_t bytes_of(const prepared_item& item) {
    constexpr std::size_t k_item_bytes = sizeof(prepared_item) + 64;
    if (const auto* why = std::get_if<prepared_quarantine>(&item.what))
        return k_item_bytes + why->reason.size() + why->detail.size();
    const auto& event = std::get<prepared_event>(item.what);
    std::size_t bytes = k_item_bytes + event.stored.size() + event.trigger_key.size() +
                        event.order_keys.size() * sizeof(order_link);
    for (const identity_key& key : event.identity_keys)
        bytes += key.text.size() + 64;
    return bytes;
}

std::size_t bytes_of(const delivery_op& op) {
    if (const auto* seal = std::get_if<seal_batch>(&op))
        return k_op_bytes +
               static_cast<std::size_t>(seal->content.items_size()) * k_sealed_item_bytes;
    if (const auto* park = std::get_if<park_update>(&op))
        return k_op_bytes + park->content.ByteSizeLong() +
               static_cast<std::size_t>(park->content.order_keys_size()) * k_op_bytes;
    if (const auto* fence = std::get_if<fence_gateway>(&op))
        return k_op_bytes + fence->words.size();
    return k_op_bytes;
}

std::size_t bytes_of(const local_op& op) {
    if (const auto* queued = std::get_if<queue_message>(&op))
        return k_op_bytes + queued->message->size() +
               queued->identifiers.size() * sizeof(std::uint32_t);
    if (const auto* retained = std::get_if<put_retained>(&op))
        return k_op_bytes + retained->message->size();
    if (const auto* subscription = std::get_if<put_subscription>(&op))
        return k_op_bytes + subscription->content.filter().size();
    return k_op_bytes;
}

std::size_t bytes_of(const std::vector<local_op>& ops) {
    std::size_t bytes = 0;
    for (const local_op& op : ops)
        bytes += bytes_of(op);
    return bytes;
}

std::size_t bytes_of(const manage_op& op) {
    return k_op_bytes + std::visit(
                            [](const auto& one) {
                                if constexpr (requires { one.content; })
                                    return one.content.size();
                                else
                                    return std::size_t{0};
                            },
                            op);
}

std::size_t bytes_of(const manage_ops& ops) {
    std::size_t bytes = 0;
    for (const manage_op& op : ops)
        bytes += bytes_of(op);
    return bytes;
}

std::size_t bytes_of(const prepared_message& message) {
    std::size_t bytes = message.payload.size() + message.content_type.size() + k_request_bytes;
    for (const auto& [name, value] : message.properties)
        bytes += name.size() + value.size() + k_op_bytes;
    for (const prepared_item& item : message.items)
        bytes += bytes_of(item);
    return bytes + bytes_of(message.local);
}

bool adds(const local_op& op) {
    return std::holds_alternative<queue_message>(op) || std::holds_alternative<put_retained>(op) ||
           std::holds_alternative<put_subscription>(op) ||
           // Not before the subscription that it takes back.
           std::holds_alternative<erase_subscription>(op);
}

} // namespace

bool takes_space(const journal_request& request) {
    if (const auto* local = std::get_if<local_request>(&request))
        return std::ranges::any_of(local->ops, adds);
    return std::holds_alternative<ingest_request>(request) ||
           std::holds_alternative<quarantine_release_request>(request);
}

std::size_t bytes_of(const journal_request& request) {
    if (const auto* delivery = std::get_if<delivery_request>(&request)) {
        std::size_t bytes = k_request_bytes;
        for (const delivery_op& op : delivery->ops)
            bytes += bytes_of(op);
        return bytes + bytes_of(delivery->with);
    }
    if (const auto* local = std::get_if<local_request>(&request))
        return k_request_bytes + bytes_of(local->ops);
    if (const auto* open = std::get_if<session_open_request>(&request))
        return k_request_bytes + (open->will ? open->will->ByteSizeLong() : 0);
    if (const auto* manage = std::get_if<manage_request>(&request))
        return k_request_bytes + bytes_of(manage->ops);
    if (const auto* discard = std::get_if<quarantine_discard_request>(&request))
        return k_request_bytes + bytes_of(discard->with);
    if (const auto* release = std::get_if<quarantine_release_request>(&request))
        return bytes_of(release->message);
    if (const auto* end = std::get_if<end_request>(&request))
        return k_request_bytes + end->content.ByteSizeLong();
    const auto* ingest = std::get_if<ingest_request>(&request);
    if (ingest == nullptr) return k_request_bytes;
    return ingest->bytes != 0 ? ingest->bytes : bytes_of(ingest->message);
}

std::size_t count_bytes(journal_request& request) {
    const std::size_t bytes = bytes_of(request);
    if (auto* ingest = std::get_if<ingest_request>(&request)) ingest->bytes = bytes;
    return bytes;
}

bool is_urgent(const journal_request& request) {
    if (const auto* delivery = std::get_if<delivery_request>(&request)) return delivery->urgent;
    if (const auto* local = std::get_if<local_request>(&request)) return local->urgent;
    if (const auto* manage = std::get_if<manage_request>(&request)) return manage->urgent;
    return !std::holds_alternative<session_close_request>(request);
}

} // namespace wharf
