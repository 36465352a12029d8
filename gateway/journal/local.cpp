// What the journal keeps for the local broker: subscriptions, queues, retained messages, wills.
#include "gateway/base/mutant.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/journal.hpp"

namespace wharf {

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

bool journal::is_live(std::uint64_t incarnation) const {
    return live_.contains(incarnation) || WHARF_MUTANT(dead_incarnation_applied);
}

status journal::apply_op(const put_subscription& op) {
    if (!is_live(op.incarnation) || WHARF_MUTANT(subscription_not_journaled)) return ok();
    return put(format::subscription_key(op.incarnation, op.number), op.content);
}

status journal::apply_op(const erase_subscription& op) {
    dirty_ = true;
    if (WHARF_MUTANT(unsubscription_not_journaled)) return ok();
    return group_->erase(format::subscription_key(op.incarnation, op.number));
}

status journal::apply_op(const queue_message& op) {
    if (!is_live(op.incarnation) || WHARF_MUTANT(queue_not_journaled)) return ok();
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
    if (!is_live(op.incarnation)) return ok();
    wharf::v1::QueuedMessage record;
    record.set_released(true);
    return put(format::queued_key(op.incarnation, op.number), record);
}

status journal::apply_op(const erase_queued& op) {
    dirty_ = true;
    return group_->erase(format::queued_key(op.incarnation, op.number));
}

status journal::apply_op(const put_retained& op) {
    if (WHARF_MUTANT(retained_not_journaled)) return ok();
    return put(format::retained_key(op.number), *op.message);
}

status journal::apply_op(const erase_retained& op) {
    dirty_ = true;
    return group_->erase(format::retained_key(op.number));
}

status journal::apply_op(const erase_will& op) {
    dirty_ = true;
    if (WHARF_MUTANT(will_not_erased)) return ok();
    return group_->erase(format::will_key(op.number));
}

} // namespace wharf
