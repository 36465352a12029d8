// The end of a batch: what becomes of its items, and what of it stays under way.
#include "sync/delivery/machine.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/base/mutant.hpp"

#include <algorithm>

namespace wharf {

namespace {

// Of a batch that is applied in order, what would go back to its lane stays with the unknown ones
// behind it: they may follow it, and it may follow one of them, and both would wait for ever.
void keep_together(std::vector<item_fate>& fates) {
    bool unknown_behind = false;
    for (auto i = fates.size(); i-- > 0;) {
        if (fates[i].becomes == item_fate::what::unknown) unknown_behind = true;
        if (fates[i].becomes == item_fate::what::back && unknown_behind)
            fates[i] = {item_fate::what::unknown, "", "", 0};
    }
}

} // namespace

// All fates known: one request settles, parks and closes. Some unknown: those stay sealed, in a
// batch of their own that is sealed in the same request.
void destination_machine::resolve(batch_number batch, std::vector<item_fate> fates, instant at) {
    auto& b = batches_.at(batch);
    if (b.held && !WHARF_MUTANT(parts_not_kept_together)) keep_together(fates);
    std::vector<std::size_t> rest;
    for (std::size_t i = 0; i < fates.size(); ++i)
        if (fates[i].becomes == item_fate::what::unknown) rest.push_back(i);
    if (rest.size() == fates.size()) return again(b, std::nullopt, at);
    if (!rest.empty()) return divide(b, std::move(fates), {std::move(rest)}, at);
    draft d;
    apply_fates(b, fates, d, at);
    d.request.ops.emplace_back(close_batch{batch});
    close(batch);
    submit(d);
}

void destination_machine::divide(open_batch& b, std::vector<item_fate> fates,
                                 std::vector<std::vector<std::size_t>> groups, instant at) {
    b.now = open_batch::stage::dividing;
    b.fates = std::move(fates);
    again(b, std::nullopt, at);
    const bool single_group = groups.size() == 1;
    std::vector<open_batch> parts;
    for (const auto& group : groups) {
        open_batch part;
        part.priority = b.priority;
        part.held = b.held;
        for (auto i : group)
            part.items.push_back(b.items[i]);
        part.maybe_sent = part.maybe_before = b.maybe_sent;
        part.must_ask = b.must_ask;
        part.sealed_at_us = b.sealed_at_us;
        part.first_sent_at_us = b.first_sent_at_us;
        part.last_sent_us = b.last_sent_us;
        part.failures = single_group ? b.failures : 0;
        part.next_at_us = single_group ? b.next_at_us : at.now_us;
        part.sends = b.sends;
        part.words = b.words;
        part.parent = b.number;
        parts.push_back(std::move(part));
    }
    for (auto& part : parts) {
        claim_number(part);
        b.parts.push_back(part.number);
        open(std::move(part), false);
    }
}

void destination_machine::divide_when_rendered(batch_number parent, instant at) {
    auto& b = batches_.at(parent);
    for (auto part : b.parts)
        if (batches_.at(part).now != open_batch::stage::rendered) return;
    draft d;
    d.request.urgent = true;
    auto fates = b.fates;
    for (std::size_t i = 0; i < fates.size(); ++i) {
        // Unknown here means that it is in one of the parts.
        if (fates[i].becomes == item_fate::what::unknown) fates[i].becomes = item_fate::what::gone;
    }
    apply_fates(b, fates, d, at);
    d.request.ops.emplace_back(close_batch{parent});
    const auto parts = b.parts;
    close(parent);
    for (auto part : parts) {
        auto& p = batches_.at(part);
        p.parent.reset();
        seal(p, d, at);
    }
    submit(d);
}

void destination_machine::apply_fates(open_batch& b, const std::vector<item_fate>& fates, draft& d,
                                      instant at) {
    for (std::size_t i = 0; i < fates.size(); ++i)
        apply_fate(b, b.items[i], fates[i], d, at);
    lanes_.collect_ops(d.request.ops);
}

// Parked to be sent again by itself: the record carries the age of its key, so that it is known
// when the ERP may have forgotten it.
instant destination_machine::key_seen(const open_batch& b, const batch_entry& e, instant at) const {
    if (b.maybe_sent) {
        const auto sent_us = b.first_sent_at_us != 0 ? b.first_sent_at_us : b.sealed_at_us;
        if (sent_us != 0) at.journal_us = std::min(at.journal_us, sent_us);
    }
    if (e.unknown_on_record) at.journal_us = std::min(at.journal_us, e.parked_at_us);
    return at;
}

// Updates of one commit go together, mostly: they make one note.
void destination_machine::note(delivery_note::what about, const batch_entry& e, instant at) {
    const auto took_us = at.now_us - e.committed_us;
    if (!notes_.empty()) {
        auto& last = notes_.back();
        if (last.about == about && last.in_lane == e.in_lane && last.took_us == took_us &&
            last.committed_us == e.committed_us) {
            ++last.count;
            return;
        }
    }
    notes_.push_back({about, e.in_lane, took_us, e.committed_us, 1});
}

void destination_machine::apply_fate(open_batch& b, const batch_entry& e, const item_fate& fate,
                                     draft& d, instant at) {
    using what = item_fate::what;
    const auto attempts = e.attempts + b.sends;
    switch (fate.becomes) {
    case what::applied:
        ++applied_;
        last_applied_us_ = at.now_us;
        if (options_.notes) note(delivery_note::what::settled, e, at);
        settle(e, settlement::applied, d);
        break;
    case what::dead:
        ++dead_;
        if (options_.notes) note(delivery_note::what::settled, e, at);
        park(e, wharf::v1::PARKED_STATE_DEAD, fate.code, fate.message, attempts, d,
             fate.code == "outcome_unknown" ? key_seen(b, e, at) : at);
        actions_.emplace_back(act::log{"dead letter " + std::to_string(e.item.number) + ": " +
                                           fate.code + ": " + fate.message,
                                       e.item.number});
        break;
    case what::waiting:
        block_behind_dead(e, d);
        park(e, wharf::v1::PARKED_STATE_WAITING, fate.code, fate.message, attempts, d,
             key_seen(b, e, at));
        break;
    case what::aside:
        park(e, wharf::v1::PARKED_STATE_RETRY, fate.code, fate.message, attempts, d,
             key_seen(b, e, at));
        break;
    case what::back:
        if (fate.delay_us > 0)
            delayed_.emplace(std::pair{at.now_us + fate.delay_us, e.item.number}, e);
        else if (e.parked)
            released_[index_of(e.in_lane)].insert(e.item.number);
        else
            lanes_.put_back(e.item.number);
        return; // its troubles are not over
    case what::gone:
        return;
    case what::unknown:
        WHARF_ASSERT(false);
        return;
    }
    troubles_.erase(e.item.number);
}

void destination_machine::close(batch_number batch) {
    const auto at = batches_.find(batch);
    for (const auto& e : at->second.items)
        for (auto key : e.keys) {
            const auto count = keys_in_flight_.find(key);
            if (--count->second == 0) keys_in_flight_.erase(count);
        }
    open_items_ -= at->second.items.size();
    batches_.erase(at);
    actions_.emplace_back(act::forget{batch});
}

} // namespace wharf
