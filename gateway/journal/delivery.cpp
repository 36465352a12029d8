// Delivery state in the journal, and the books that follow it. What is asked for that cannot be is
// a bug in delivery and stops the process.
#include "gateway/base/bytes.hpp"
#include "gateway/base/mutant.hpp"
#include "gateway/journal/format.hpp"
#include "gateway/journal/journal.hpp"

#include <algorithm>

namespace wharf {

namespace {

void count_settled(wharf::v1::DestinationBooks& books, settlement how) {
    switch (how) {
    case settlement::applied:
        books.set_applied(books.applied() + 1);
        return;
    case settlement::handed_over:
        books.set_handed_over(books.handed_over() + 1);
        return;
    case settlement::filtered:
        books.set_filtered(books.filtered() + 1);
        return;
    case settlement::superseded:
        books.set_superseded(books.superseded() + 1);
        return;
    case settlement::discarded:
        books.set_discarded(books.discarded() + 1);
        return;
    case settlement::shed:
        books.set_shed(books.shed() + 1);
        return;
    }
    WHARF_ASSERT(false);
}

void leave_pending(wharf::v1::DestinationBooks& books) {
    WHARF_ASSERT(books.pending() > 0);
    books.set_pending(books.pending() - 1);
}

void leave_dead(wharf::v1::DestinationBooks& books) {
    WHARF_ASSERT(books.dead() > 0);
    books.set_dead(books.dead() - 1);
}

bool is_dead(const wharf::v1::ParkedUpdate& parked) {
    return parked.state() == wharf::v1::PARKED_STATE_DEAD;
}

} // namespace

status journal::apply_one(const delivery_request& request) {
    WHARF_ASSERT(request.destination < next_.destinations_size());
    // What is on its way may find its end; nothing new is sent, because its seal is never answered.
    if (next_.has_end() && std::ranges::any_of(request.ops, [](const delivery_op& op) {
            return std::holds_alternative<seal_batch>(op);
        }))
        return ok();
    dirty_ = true;
    for (const delivery_op& op : request.ops)
        WHARF_TRY(
            std::visit([&](const auto& one) { return apply_op(request.destination, one); }, op));
    WHARF_TRY(apply_managed(request.with));
    answers_.emplace_back(delivery_done{request.token, request.destination});
    return ok();
}

status journal::apply_op(std::uint8_t destination, const seal_batch& op) {
    return put(format::batch_key(destination, op.batch), op.content);
}

status journal::apply_op(std::uint8_t destination, const close_batch& op) {
    return group_->erase(format::batch_key(destination, op.batch));
}

status journal::apply_op(std::uint8_t destination, const settle_update& op) {
    auto* books = next_.mutable_destinations(destination);
    leave_pending(*books);
    count_settled(*books, op.how);
    if (op.how == settlement::shed) note_shed(destination, op.number);
    return ok();
}

status journal::apply_op(std::uint8_t destination, const advance_low_water& op) {
    sequence& mark = next_low_water_[destination][index_of(op.in_lane)];
    WHARF_ASSERT(op.low_water >= mark && op.low_water <= next_.last_sequence());
    mark = op.low_water;
    std::string content;
    put_little(content, op.low_water);
    return put(format::low_water_key(destination, op.in_lane), content);
}

status journal::apply_op(std::uint8_t destination, const set_mark& op) {
    return put(format::mark_key(destination, op.in_lane, op.number), "");
}

status journal::apply_op(std::uint8_t destination, const clear_mark& op) {
    return group_->erase(format::mark_key(destination, op.in_lane, op.number));
}

status journal::apply_op(std::uint8_t destination, const park_update& op) {
    std::string key = format::parked_key(destination, op.number);
    WHARF_TRY_ASSIGN(auto value, group_->get(key));
    auto* books = next_.mutable_destinations(destination);
    bool was_dead = false;
    if (value) {
        wharf::v1::ParkedUpdate before;
        WHARF_TRY(format::unseal(key, *value, before));
        was_dead = is_dead(before);
    }
    if (is_dead(op.content) && !was_dead) {
        leave_pending(*books);
        books->set_dead(books->dead() + 1);
    } else if (!is_dead(op.content) && was_dead) {
        leave_dead(*books);
        books->set_pending(books->pending() + 1);
    }
    WHARF_TRY(put(key, op.content));
    for (std::uint64_t order_key : op.content.order_keys())
        WHARF_TRY(put(format::parked_under_key(destination, order_key, op.number), ""));
    return ok();
}

status journal::apply_op(std::uint8_t destination, const fence_gateway& op) {
    if (next_.has_fence()) return ok();
    auto* fence = next_.mutable_fence();
    fence->set_destination(next_.destinations(destination).name());
    fence->set_words(op.words);
    fence->set_at_us(op.at_us);
    return ok();
}

status journal::apply_op(std::uint8_t destination, const settle_parked& op) {
    std::string key = format::parked_key(destination, op.number);
    WHARF_TRY_ASSIGN(auto value, group_->get(key));
    WHARF_ASSERT(value.has_value());
    wharf::v1::ParkedUpdate before;
    WHARF_TRY(format::unseal(key, *value, before));
    auto* books = next_.mutable_destinations(destination);
    if (is_dead(before))
        leave_dead(*books);
    else
        leave_pending(*books);
    count_settled(*books, op.how);
    WHARF_TRY(group_->erase(key));
    for (std::uint64_t order_key : before.order_keys())
        if (!WHARF_MUTANT(parked_index_left_behind))
            WHARF_TRY(group_->erase(format::parked_under_key(destination, order_key, op.number)));
    // Retention has passed it by and left it because it was parked.
    if (op.number < next_.oldest_sequence()) {
        WHARF_TRY_ASSIGN(auto parked, parked_between(op.number, op.number));
        if (parked.empty()) WHARF_TRY(take_out(op.number));
    }
    return ok();
}

} // namespace wharf
