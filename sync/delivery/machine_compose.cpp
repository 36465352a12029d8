// From ready updates to sealed batches.
#include "sync/delivery/machine.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/base/mutant.hpp"

#include <algorithm>

namespace wharf {

namespace {
constexpr std::size_t k_park_requests_max = 4;  // with the journal at a time
constexpr std::size_t k_open_items_floor = 256; // may be open even where batches are small
} // namespace

batch_entry destination_machine::entry_of(const event_head& head) const {
    batch_entry e;
    e.item = {head.number, 0};
    e.in_lane = head.in_lane;
    e.links = head.links;
    e.body_bytes = head.body_bytes;
    e.committed_us = head.journal_time_us - options_.journal_ahead_us;
    for (const auto& link : head.links)
        e.keys.push_back(link.key_hash);
    return e;
}

batch_entry destination_machine::entry_of(sequence number,
                                          const wharf::v1::ParkedUpdate& content) const {
    batch_entry e;
    e.item = {number, content.revision()};
    e.in_lane = static_cast<lane>(std::min<std::uint32_t>(content.lane(), k_lane_count - 1));
    e.keys.assign(content.order_keys().begin(), content.order_keys().end());
    e.body_bytes = 1024; // not known here; the rendered size is
    e.parked = true;
    e.attempts = content.attempts();
    e.parked_at_us = content.parked_at_us();
    e.unknown_on_record = content.code() == k_code_outcome_unknown;
    return e;
}

bool destination_machine::any_blocked(const batch_entry& e) const {
    if (WHARF_MUTANT(parked_keys_do_not_block)) return false;
    return std::ranges::any_of(e.keys, [&](auto key) { return parked_.blocked(key); });
}

bool destination_machine::any_in_flight(const batch_entry& e) const {
    return std::ranges::any_of(e.keys, [&](auto key) { return keys_in_flight_.contains(key); });
}

// Parks what became ready behind something parked. Each one that leaves may make others ready.
bool destination_machine::absorb_ready(instant at) {
    for (auto number : lanes_.drain_newly_ready())
        to_check_.insert(number);
    const bool full = parked_.size() >= limits::k_blocked_keys_max;
    if (full != full_) {
        full_ = full;
        alarm("blocked_keys",
              full ? "so many ordering keys are blocked by dead letters that delivery waits"
                   : "ordering keys are free again",
              full);
    }
    if (to_check_.empty() || parking_.size() >= k_park_requests_max) return false;
    draft d;
    for (auto at_number = to_check_.begin(); at_number != to_check_.end();) {
        if (d.request.ops.size() >= options_.park_ops_max) break;
        const auto number = *at_number;
        const auto* head = lanes_.find(number);
        // Whoever took it meanwhile has looked at its keys.
        if (head == nullptr || !lanes_.is_ready(number)) {
            at_number = to_check_.erase(at_number);
            continue;
        }
        const auto e = entry_of(*head);
        if (any_blocked(e)) {
            const bool no_room = full_ || parked_.size() >= limits::k_blocked_keys_max;
            if (no_room || (short_of_space_ && !WHARF_MUTANT(parked_without_space))) {
                ++at_number;
                continue;
            }
            park(e, wharf::v1::PARKED_STATE_WAITING, "", "", 0, d, at);
        }
        at_number = to_check_.erase(at_number);
    }
    if (d.request.ops.empty()) return false;
    lanes_.collect_ops(d.request.ops);
    parking_.insert(next_token_);
    submit(d);
    return true;
}

// A page may come after the last settlement: then no request follows that would take along what the
// page showed, and for retention the settled updates would be pending for as long as nothing new
// comes, which a full journal does not take.
void destination_machine::note_passed_marks() {
    if (!journaling_.empty() || !lanes_.marks_passed()) return;
    draft d;
    lanes_.collect_ops(d.request.ops);
    submit(d);
}

// What outcome is unknown and whose key may be forgotten is asked for first, alone: the answer is
// about this one.
bool destination_machine::asks_alone(const batch_entry& e, instant at) const {
    if (!e.parked) return false;
    if (const auto t = troubles_.find(e.item.number); t != troubles_.end() && t->second.not_held)
        return false;
    return e.unknown_on_record && forgotten_since(e.parked_at_us, at);
}

// Per priority: what fails for ever in a low lane must not take the room of a higher one.
std::size_t destination_machine::open_items_of(lane priority) const {
    std::size_t out = 0;
    for (const auto& [number, b] : batches_)
        if (b.priority == priority) out += b.items.size();
    return out;
}

bool destination_machine::compose(instant at) {
    bool any = false;
    for (std::size_t i = 0; i < k_lane_count; ++i) {
        const bool waiting = !released_[i].empty() || !lanes_.ready(static_cast<lane>(i)).empty();
        if (!waiting) waiting_since_us_[i].reset();
        if (waiting && !waiting_since_us_[i]) waiting_since_us_[i] = at.now_us;
    }
    // Before it is known what the batches of an earlier run hold, nothing joins them.
    if (std::ranges::any_of(batches_, [](const auto& entry) {
            return entry.second.now == open_batch::stage::verifying;
        }))
        return false;
    const auto circuit = circuit_.state(at.now_us);
    if (circuit == circuit_state::open || at.now_us < hold_until_us_) return false;
    const auto slots = circuit == circuit_state::half_open ? 1 : options_.in_flight_max;
    // While probing, one that has not been tried yet is always being made: those that failed may
    // all be bad, and only a success of another tells.
    const auto room_for_one = [&] {
        if (circuit != circuit_state::half_open) return active_batches(at) < slots;
        return std::ranges::none_of(batches_, [this](const auto& entry) {
            return entry.second.last_sent_us == 0 && !waits_for_lane(entry.second);
        });
    };
    for (std::size_t i = 0; i < k_lane_count && room_for_one();) {
        const auto items_max = options_.lanes[i].batch_items_max;
        const auto open_max = std::max(k_open_items_floor, 2 * options_.in_flight_max * items_max);
        if (!waiting_since_us_[i] || open_items_of(static_cast<lane>(i)) >= open_max ||
            !compose_from(static_cast<lane>(i), at))
            ++i;
        else
            any = true; // the same lane again: it goes first as long as it has something
    }
    return any;
}

// Whether what is ready may fill a batch; without taking it apart, as it is asked often.
bool destination_machine::enough(lane priority) const {
    const auto& lane_options = options_.lanes[index_of(priority)];
    const auto& ready = lanes_.ready(priority);
    if (released_[index_of(priority)].size() + ready.size() >= lane_options.batch_items_max)
        return true;
    std::size_t bytes = 0;
    for (auto number : ready)
        if ((bytes += lanes_.find(number)->body_bytes) >= lane_options.batch_bytes_max) return true;
    return false;
}

bool destination_machine::compose_from(lane priority, instant at) {
    const auto i = index_of(priority);
    const bool due = at.now_us >= *waiting_since_us_[i] + options_.lanes[i].batch_max_delay_us;
    if (!due && !enough(priority)) return false;
    open_batch b;
    b.priority = priority;
    b.next_at_us = at.now_us;
    b.held = options_.in_order;
    bool full = false;
    pick(priority, b, full, at);
    if (b.items.empty()) return false;
    if (!full && !due) return false;
    std::ranges::sort(b.items, {}, [](const batch_entry& e) { return e.item; });
    claim_number(b);
    open(std::move(b), true);
    if (released_[i].empty() && lanes_.ready(priority).empty()) waiting_since_us_[i].reset();
    return true;
}

void destination_machine::pick_released(lane priority, open_batch& b, std::size_t& bytes,
                                        bool& full, instant at) {
    auto& released = released_[index_of(priority)];
    const auto items_max = options_.lanes[index_of(priority)].batch_items_max;
    for (auto next = released.begin(); next != released.end() && !full;) {
        if (!parked_.deliverable(*next)) {
            // Something went in front of it; it is released again when its turn comes.
            released_known_.erase(*next);
            next = released.erase(next);
            continue;
        }
        auto e = entry_of(*next, parked_.content(*next));
        ++next;
        if (is_paused(e) || any_in_flight(e)) continue;
        if (asks_alone(e, at)) {
            if (!b.items.empty()) continue;
            b.maybe_sent = b.must_ask = true;
            b.last_sent_us = at.now_us - options_.settle_us;
            b.sealed_at_us = e.parked_at_us; // its age survives a restart: asked then, too
            full = true;
        }
        bytes += e.body_bytes;
        b.items.push_back(std::move(e));
        full = full || b.items.size() >= items_max;
    }
}

void destination_machine::pick(lane priority, open_batch& b, bool& full, instant at) {
    const auto& lane_options = options_.lanes[index_of(priority)];
    std::size_t bytes = 0;
    pick_released(priority, b, bytes, full, at);
    if (full || full_ || gives_way(priority, at)) return;
    for (auto number : lanes_.ready(priority)) {
        if (full) return;
        if (to_check_.contains(number)) continue;
        const auto* head = lanes_.find(number);
        auto e = entry_of(*head);
        if (any_blocked(e)) {
            to_check_.insert(number); // a dead letter that is tried again came before it
            continue;
        }
        if (is_paused(e)) continue;
        if (!b.items.empty() && bytes + e.body_bytes > lane_options.batch_bytes_max) {
            full = true;
            return;
        }
        bytes += e.body_bytes;
        b.items.push_back(std::move(e));
        full =
            b.items.size() >= lane_options.batch_items_max || bytes >= lane_options.batch_bytes_max;
    }
    if (options_.in_order && !full) pick_followers(priority, b, bytes);
    full = b.items.size() >= lane_options.batch_items_max || bytes >= lane_options.batch_bytes_max;
}

// Where the ERP applies a batch in order, what comes before in the same batch is out of the way.
void destination_machine::pick_followers(lane priority, open_batch& b, std::size_t& bytes) {
    const auto& lane_options = options_.lanes[index_of(priority)];
    std::set<sequence> inside;
    for (const auto& e : b.items)
        if (!e.parked) inside.insert(e.item.number);
    for (std::size_t i = 0; i < b.items.size(); ++i) {
        if (b.items[i].parked) continue;
        for (auto number : lanes_.followers(b.items[i].item.number, inside)) {
            if (b.items.size() >= lane_options.batch_items_max) return;
            auto e = entry_of(*lanes_.find(number));
            if (inside.contains(number) || e.in_lane != priority || any_blocked(e) || is_paused(e))
                continue;
            if (bytes + e.body_bytes > lane_options.batch_bytes_max) return;
            bytes += e.body_bytes;
            inside.insert(number);
            b.items.push_back(std::move(e));
        }
    }
}

void destination_machine::claim_number(open_batch& b) const {
    std::vector<batch_item> items;
    for (const auto& e : b.items)
        items.push_back(e.item);
    for (std::uint32_t salt = 0;; ++salt) {
        b.number = number_of(items, options_.mapping_revision, salt);
        if (!batches_.contains(b.number)) return;
    }
}

// `fresh`: its items are on their way from now on; parts of a divided batch were so before.
void destination_machine::open(open_batch b, bool fresh) {
    for (const auto& e : b.items) {
        for (auto key : e.keys)
            ++keys_in_flight_[key];
        if (!fresh) continue;
        if (e.parked)
            released_[index_of(b.priority)].erase(e.item.number);
        else
            lanes_.take(e.item.number);
    }
    open_items_ += b.items.size();
    const auto number = b.number;
    auto [at, inserted] = batches_.emplace(number, std::move(b));
    WHARF_ASSERT(inserted);
    render(at->second);
}

void destination_machine::render(open_batch& b) {
    b.render_failed = false;
    act::render wanted{b.number, {}, options_.in_order};
    for (const auto& e : b.items)
        wanted.items.push_back(e.item);
    actions_.emplace_back(std::move(wanted));
}

void destination_machine::on_rendered(batch_number batch, std::string digest, std::size_t bytes,
                                      const std::vector<event_head>& heads, instant at) {
    auto& b = batches_.at(batch);
    WHARF_ASSERT(heads.size() == b.items.size());
    for (std::size_t i = 0; i < heads.size(); ++i)
        b.items[i].committed_us = heads[i].journal_time_us - options_.journal_ahead_us;
    if (b.now == open_batch::stage::verifying) {
        for (std::size_t i = 0; i < heads.size(); ++i) {
            auto& e = b.items[i];
            if (e.parked) continue;
            const auto revision = e.item.revision;
            e = entry_of(heads[i]);
            e.item.revision = revision;
        }
        b.fresh_digest = std::move(digest);
        b.have_heads = true;
        if (b.lookups == 0) verify(b, at);
        pump(at);
        return;
    }
    WHARF_ASSERT(b.now == open_batch::stage::rendering);
    if (bytes > limits::k_batch_bytes_max && b.items.size() > 1 && !b.parent) {
        shrink(batch, at);
        pump(at);
        return;
    }
    b.digest = std::move(digest);
    if (b.parent) {
        b.now = open_batch::stage::rendered;
        divide_when_rendered(*b.parent, at);
    } else {
        draft d;
        d.request.urgent = true;
        seal(b, d, at);
        if (WHARF_MUTANT(sent_before_sealed)) b.now = open_batch::stage::sealed;
        submit(d);
    }
    pump(at);
}

// Its bytes are too many: the second half goes back before anything is sealed.
void destination_machine::shrink(batch_number batch, instant at) {
    auto old = batches_.at(batch);
    close(batch);
    open_batch half = old;
    half.items.resize(old.items.size() / 2);
    for (std::size_t i = half.items.size(); i < old.items.size(); ++i) {
        const auto& e = old.items[i];
        if (e.parked)
            released_[index_of(e.in_lane)].insert(e.item.number);
        else
            lanes_.put_back(e.item.number);
    }
    half.next_at_us = at.now_us;
    claim_number(half);
    open(std::move(half), false);
}

void destination_machine::on_render_failed(batch_number batch, const std::string& why, instant at) {
    batches_.at(batch).render_failed = true;
    stop("a batch cannot be made: " + why);
    pump(at);
}

void destination_machine::seal(open_batch& b, draft& d, instant at) {
    // A part may have been sent as part of the whole: its keys are as old as that.
    if (!b.maybe_sent || b.sealed_at_us == 0) b.sealed_at_us = at.journal_us;
    seal_batch op;
    op.batch = b.number;
    op.content.set_mapping_revision(options_.mapping_revision);
    op.content.set_digest(b.digest);
    op.content.set_sealed_at_us(b.sealed_at_us);
    for (const auto& e : b.items) {
        auto* item = op.content.add_items();
        item->set_sequence(e.item.number);
        item->set_revision(e.item.revision);
    }
    d.request.ops.emplace_back(std::move(op));
    d.after.sealed.push_back(b.number);
    b.now = open_batch::stage::sealing;
}

} // namespace wharf
