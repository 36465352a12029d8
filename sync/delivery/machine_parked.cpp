// Parked updates: what a restart finds, dead letters, what waits behind them, an operator's
// commands.
#include "sync/delivery/machine.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/base/mutant.hpp"
#include "sync/delivery/answers.hpp"
#include "sync/delivery/text.hpp"

#include <algorithm>

namespace wharf {

namespace {
constexpr std::size_t k_loose_dead_max = 4096;
}

// A batch of an earlier run: what its items are is known, and whether the same bytes come out.
void destination_machine::verify(open_batch& b, instant at) {
    for (const auto& e : b.items) {
        if (!e.parked) released_known_.erase(e.item.number);
        for (auto key : e.keys)
            ++keys_in_flight_[key];
    }
    b.priority = b.items.empty() ? lane::telemetry : b.items.front().in_lane;
    for (const auto& e : b.items)
        b.priority = std::min(b.priority, e.in_lane);
    if (b.fresh_digest != b.digest) {
        b.must_ask = true;
        actions_.emplace_back(act::log{"an open batch would be made differently now: its outcome "
                                       "is asked for before anything is sent again",
                                       k_no_sequence});
    }
    b.now = open_batch::stage::sealed;
    b.next_at_us = at.now_us;
    // Settled already, though its batch is open: nothing is left to do for such an item.
    std::vector<item_fate> fates(b.items.size());
    bool gone = false;
    for (std::size_t i = 0; i < b.items.size(); ++i) {
        const auto& e = b.items[i];
        if (e.parked || lanes_.pending(e.in_lane, e.item.number)) continue;
        fates[i].becomes = item_fate::what::gone;
        gone = true;
    }
    if (gone) resolve(b.number, std::move(fates), at);
}

void destination_machine::park(const batch_entry& e, wharf::v1::ParkedState state,
                               const std::string& code, const std::string& message,
                               std::uint32_t attempts, draft& d, instant at) {
    const bool blocks =
        state != wharf::v1::PARKED_STATE_DEAD || options_.lanes[index_of(e.in_lane)].dead_blocks;
    park_update op;
    op.number = e.item.number;
    op.content.set_state(state);
    op.content.set_lane(static_cast<std::uint32_t>(index_of(e.in_lane)));
    for (auto key : e.keys)
        op.content.add_order_keys(key);
    op.content.set_blocks(blocks);
    op.content.set_code(presentable(code, limits::k_text_bytes_max));
    op.content.set_message(presentable(message, limits::k_dead_message_bytes_max));
    op.content.set_parked_at_us(at.journal_us);
    op.content.set_attempts(attempts);
    const bool renamed =
        state == wharf::v1::PARKED_STATE_RETRY && WHARF_MUTANT(retry_under_new_key);
    op.content.set_revision(e.item.revision + (renamed ? 1 : 0));
    if (!blocks) remember_loose(e.item.number, op.content);
    d.request.ops.emplace_back(std::move(op));
    // First the key is blocked, then the followers become ready: they meet it blocked.
    const auto keys = parked_.change(e.item.number, e.keys, blocks);
    d.after.keys.insert(d.after.keys.end(), keys.begin(), keys.end());
    d.after.changed.push_back(e.item.number);
    changing_.insert(e.item.number);
    if (e.parked)
        released_known_.erase(e.item.number);
    else
        lanes_.finish(e.in_lane, e.item.number);
}

void destination_machine::settle(const batch_entry& e, settlement how, draft& d) {
    if (!e.parked) {
        d.request.ops.emplace_back(settle_update{e.item.number, how});
        lanes_.finish(e.in_lane, e.item.number);
        return;
    }
    d.request.ops.emplace_back(settle_parked{e.item.number, how});
    d.request.urgent = true; // what waits behind it is not released before this is durable
    const auto keys = parked_.change(e.item.number, e.keys, false);
    d.after.keys.insert(d.after.keys.end(), keys.begin(), keys.end());
    d.after.changed.push_back(e.item.number);
    changing_.insert(e.item.number);
    released_known_.erase(e.item.number);
}

void destination_machine::look_after_parked() {
    for (auto key : parked_.drain_looks())
        actions_.emplace_back(act::load_first_parked{key});
    for (auto number : parked_.drain_loads())
        actions_.emplace_back(act::load_parked{number});
    for (auto number : parked_.drain_released()) {
        if (WHARF_MUTANT(waiting_never_released)) break;
        if (!released_known_.insert(number).second) continue; // on its way already
        const auto& content = parked_.content(number);
        released_[std::min<std::size_t>(content.lane(), k_lane_count - 1)].insert(number);
    }
}

// --- a refusal that waits
// -------------------------------------------------------------------------

void destination_machine::remember_loose(sequence number, const wharf::v1::ParkedUpdate& content) {
    if (loose_dead_.contains(number)) return;
    if (loose_dead_.size() >= k_loose_dead_max) forget_loose(loose_dead_.begin()->first);
    loose_dead_[number] = content;
    for (auto key : content.order_keys())
        loose_keys_[key].insert(number);
}

void destination_machine::forget_loose(sequence number) {
    const auto at = loose_dead_.find(number);
    if (at == loose_dead_.end()) return;
    for (auto key : at->second.order_keys()) {
        auto& under = loose_keys_[key];
        under.erase(number);
        if (under.empty()) loose_keys_.erase(key);
    }
    loose_dead_.erase(at);
}

bool destination_machine::waits_for_dead(const batch_entry& e) const {
    return std::ranges::any_of(e.keys, [&](auto key) {
        const auto at = loose_keys_.find(key);
        return at != loose_keys_.end() && *at->second.begin() < e.item.number;
    });
}

// A dead letter that held nobody back does so from the moment something has to wait for it: it
// takes its place in the queues of its keys, in front of the one that waits.
void destination_machine::block_behind_dead(const batch_entry& e, draft& d) {
    std::set<sequence> before;
    for (auto key : e.keys) {
        const auto at = loose_keys_.find(key);
        if (at == loose_keys_.end()) continue;
        before.insert(at->second.begin(), at->second.lower_bound(e.item.number));
    }
    for (auto number : before) {
        if (changing_.contains(number)) continue;
        park_update op{number, loose_dead_.at(number)};
        op.content.set_blocks(true);
        const std::vector<std::uint64_t> keys(op.content.order_keys().begin(),
                                              op.content.order_keys().end());
        d.request.ops.emplace_back(std::move(op));
        const auto touched = parked_.change(number, keys, true);
        d.after.keys.insert(d.after.keys.end(), touched.begin(), touched.end());
        d.after.changed.push_back(number);
        changing_.insert(number);
        forget_loose(number);
    }
}

// --- an operator's commands
// -----------------------------------------------------------------------

// Nothing that could be sent would tell whether it took effect before.
bool destination_machine::past_help(const wharf::v1::ParkedUpdate& content, instant at) const {
    return content.code() == k_code_outcome_unknown && !options_.can_ask &&
           forgotten_since(content.parked_at_us(), at);
}

void destination_machine::execute(pending_command c, sequence number,
                                  const wharf::v1::ParkedUpdate* content, instant at) {
    std::string failure;
    if (content == nullptr)
        failure = "nothing is parked under this number";
    else if (changing_.contains(number))
        failure = "it is changing right now, try again";
    else if (content->state() != wharf::v1::PARKED_STATE_DEAD)
        failure = "it is not a dead letter";
    else if (!c.discard && past_help(*content, at))
        failure = "its outcome is unknown, the ERP may have forgotten its key and cannot be asked: "
                  "look for it there, enter it there where it is missing, and discard it here";
    if (!failure.empty()) {
        actions_.emplace_back(act::reply{c.id, failure});
        return;
    }
    draft d;
    const std::vector<std::uint64_t> keys(content->order_keys().begin(),
                                          content->order_keys().end());
    if (c.discard) {
        d.request.ops.emplace_back(settle_parked{number, settlement::discarded});
        d.request.urgent = true; // a person waits for it, and so do those behind it
        actions_.emplace_back(
            act::log{"discarded dead letter " + std::to_string(number) + ": " + c.reason, number});
    } else {
        // The same revision and key: it is the same update. Its code stays: it says what is known
        // of its outcome.
        park_update op{number, *content};
        op.content.set_state(wharf::v1::PARKED_STATE_RETRY);
        op.content.set_blocks(true);
        d.request.ops.emplace_back(std::move(op));
    }
    d.request.with = std::move(c.with);
    // A person waits for the outcome of a command.
    d.request.urgent = d.request.urgent || !d.request.with.empty();
    forget_loose(number);
    d.after.keys = parked_.change(number, keys, !c.discard);
    d.after.changed.push_back(number);
    d.after.commands.push_back(c.id);
    changing_.insert(number);
    submit(d);
}

} // namespace wharf
