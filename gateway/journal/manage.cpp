// What the journal keeps for management: commands until they are over, operators, the audit trail,
// reports that wait for the fleet broker.
#include "gateway/base/bytes.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/journal.hpp"
#include "gateway/journal/manage_state.hpp"

#include <algorithm>

namespace wharf {

status journal::apply_one(const manage_request& request) {
    WHARF_TRY(apply_managed(request.ops));
    answers_.emplace_back(manage_done{request.token});
    return ok();
}

status journal::apply_managed(const manage_ops& ops) {
    for (const manage_op& op : ops)
        WHARF_TRY(std::visit([this](const auto& one) { return apply_op(one); }, op));
    return ok();
}

status journal::apply_op(const put_command& op) {
    return put(format::command_key(op.id), op.content);
}

status journal::apply_op(const erase_command& op) {
    dirty_ = true;
    return group_->erase(format::command_key(op.id));
}

status journal::apply_op(const append_audit& op) {
    const std::uint64_t number = next_.audit_number() + 1;
    const audit_hash before = head_of(next_);
    next_.set_audit_number(number);
    next_.set_audit_head(std::string(view_of(link_of(before, number, op.content))));
    if (number > limits::k_audit_entries_max)
        WHARF_TRY(group_->erase(format::audit_key(number - limits::k_audit_entries_max)));
    std::string content(view_of(before));
    content.append(op.content);
    return put(format::audit_key(number), content);
}

status journal::apply_op(const put_roster& op) {
    if (next_.has_end()) return ok(); // it obeys nobody any more
    return put(format::roster_key(), op.content);
}

status journal::apply_op(const put_outbound& op) {
    return put(format::outbound_key(op.number), op.content);
}

status journal::apply_op(const erase_outbound& op) {
    dirty_ = true;
    return group_->erase(format::outbound_key(op.number));
}

status journal::apply_op(const pause_destination& op) {
    WHARF_ASSERT(op.destination < next_.destinations_size());
    dirty_ = true;
    auto* books = next_.mutable_destinations(op.destination);
    if (!op.only) {
        books->set_paused(op.paused);
        if (!op.paused) books->clear_paused_lanes();
        return ok();
    }
    auto* lanes = books->mutable_paused_lanes();
    const auto which = static_cast<std::uint32_t>(index_of(*op.only));
    lanes->erase(std::remove(lanes->begin(), lanes->end(), which), lanes->end());
    if (op.paused) lanes->Add(which);
    return ok();
}

} // namespace wharf
