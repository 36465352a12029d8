// Stands in for gateway/journal/local.cpp: with WHARF_SABOTAGE=no-queue what waits for a subscriber
// is not journaled, so that a kill forgets it.
#include "gateway/journal/format.hpp"
#include "gateway/journal/journal.hpp"

#include <cstdlib>
#include <string_view>

namespace wharf {

namespace {

bool queue_is_off() {
    const char* wish = std::getenv("WHARF_SABOTAGE"); // NOLINT(concurrency-mt-unsafe)
    return wish != nullptr && std::string_view(wish) == "no-queue";
}

} // namespace

std::uint64_t journal::next_local() {
    dirty_ = true;
    next_.set_last_local(next_.last_local() + 1);
    return next_.last_local();
}

status journal::apply_one(const local_request& request) {
    WHARF_TRY(apply_local(request.ops));
    answers_.emplace_back(local_done{request.token});
    return ok();
}

status journal::apply_local(const std::vector<local_op>& ops) {
    for (const local_op& op : ops)
        WHARF_TRY(std::visit([this](const auto& one) { return apply_op(one); }, op));
    return ok();
}

// The network thread learns of a session's end only after the journal did: what comes for it
// meanwhile is left out.

status journal::apply_op(const put_subscription& op) {
    if (!live_.contains(op.incarnation)) return ok();
    return put(format::subscription_key(op.incarnation, op.number), op.content);
}

status journal::apply_op(const erase_subscription& op) {
    dirty_ = true;
    return group_->erase(format::subscription_key(op.incarnation, op.number));
}

status journal::apply_op(const queue_message& op) {
    if (queue_is_off()) return ok();
    if (!live_.contains(op.incarnation)) return ok();
    wharf::v1::QueuedMessage record;
    record.set_message(*op.message);
    record.set_qos(op.qos);
    record.set_retain(op.retain);
    for (const std::uint32_t identifier : op.identifiers)
        record.add_identifiers(identifier);
    return put(format::queued_key(op.incarnation, op.number), record);
}

// The PUBREL may leave only when this is durable: what is sent again after it would be taken for
// another message.
status journal::apply_op(const release_queued& op) {
    if (!live_.contains(op.incarnation)) return ok();
    wharf::v1::QueuedMessage record;
    record.set_released(true);
    return put(format::queued_key(op.incarnation, op.number), record);
}

status journal::apply_op(const erase_queued& op) {
    dirty_ = true;
    return group_->erase(format::queued_key(op.incarnation, op.number));
}

status journal::apply_op(const put_retained& op) {
    return put(format::retained_key(op.number), *op.message);
}

status journal::apply_op(const erase_retained& op) {
    dirty_ = true;
    return group_->erase(format::retained_key(op.number));
}

status journal::apply_op(const erase_will& op) {
    dirty_ = true;
    return group_->erase(format::will_key(op.number));
}

} // namespace wharf
