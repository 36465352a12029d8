#include "sync/lanes/lane_windows.hpp"

#include "gateway/base/assert.hpp"
#include "gateway/base/limits.hpp"
#include "gateway/base/mutant.hpp"

#include <algorithm>

namespace wharf {

void lane_windows::start(const delivery_state& state, const std::set<sequence>& taken) {
    for (std::size_t i = 0; i < k_lane_count; ++i) {
        auto& lane_now = lanes_[i];
        lane_now.low = lane_now.persisted_low = lane_now.scanned_to = state.low_water[i];
        for (auto number : state.marks[i]) {
            if (number <= lane_now.low) continue;
            lane_now.done.insert(number);
            lane_now.marked.insert(number);
        }
    }
    taken_ = taken;
}

std::size_t lane_windows::room(const lane_state& state) const {
    if (state.wide && state.done.size() < limits::k_shed_marks_max)
        return limits::k_lane_window_max -
               std::min(state.pending.size(), limits::k_lane_window_max);
    const auto used = state.pending.size() + state.done.size();
    return used >= limits::k_lane_window_max ? 0 : limits::k_lane_window_max - used;
}

bool lane_windows::pending(lane in_lane, sequence number) const {
    const auto& state = lanes_[index_of(in_lane)];
    return number > state.low && !state.done.contains(number);
}

bool lane_windows::resolved(const order_link& link) const {
    return link.previous == k_no_sequence || !pending(link.previous_lane, link.previous);
}

const event_head* lane_windows::find(sequence number) const {
    const auto at = entries_.find(number);
    return at == entries_.end() ? nullptr : &at->second.head;
}

bool lane_windows::is_ready(sequence number) const {
    const auto at = entries_.find(number);
    return at != entries_.end() && at->second.unresolved == 0 && !at->second.taken;
}

std::size_t lane_windows::outside_windows() const {
    // What is wanted from outside and what was finished there: both need a mark in the end.
    std::size_t count = promoted_.size();
    for (const auto& state : lanes_) {
        count += state.outside.size();
        count += static_cast<std::size_t>(
            std::distance(state.done.upper_bound(state.scanned_to), state.done.end()));
    }
    return count;
}

std::int64_t lane_windows::oldest_pending_us(lane in_lane) const {
    const auto& state = lanes_[index_of(in_lane)];
    if (state.pending.empty()) return 0;
    return entries_.at(*state.pending.begin()).head.journal_time_us;
}

// --- what comes in -----------------------------------------------------------------------------

void lane_windows::on_appended(const std::vector<event_head>& heads) {
    if (heads.empty()) return;
    const auto first = heads.front().number;
    const auto last = heads.back().number;
    std::array<std::size_t, k_lane_count> arriving{};
    for (const auto& head : heads)
        ++arriving[index_of(head.in_lane)];
    std::array<bool, k_lane_count> follows{};
    for (std::size_t i = 0; i < k_lane_count; ++i) {
        auto& state = lanes_[i];
        // Heads that a page brought already are not new; a gap means that something was not told.
        follows[i] = !state.behind && first <= state.scanned_to + 1 && arriving[i] <= room(state);
        if (!follows[i] && last > state.scanned_to) state.behind = true;
    }
    for (const auto& head : heads) {
        auto& state = lanes_[index_of(head.in_lane)];
        if (follows[index_of(head.in_lane)] && head.number > state.scanned_to) push(head);
    }
    for (std::size_t i = 0; i < k_lane_count; ++i) {
        auto& state = lanes_[i];
        if (follows[i]) state.scanned_to = std::max(state.scanned_to, last);
        advance(state);
    }
    announced_ = std::max(announced_, last);
}

void lane_windows::on_more(sequence last) {
    announced_ = std::max(announced_, last);
    for (auto& state : lanes_)
        if (state.scanned_to < announced_ && !WHARF_MUTANT(unannounced_heads_forgotten))
            state.behind = true;
}

void lane_windows::on_heads(lane in_lane, const head_page& page) {
    auto& state = lanes_[index_of(in_lane)];
    state.loading = false;
    for (const auto& head : page.heads) {
        if (head.number <= state.scanned_to) continue;
        WHARF_ASSERT(head.in_lane == in_lane);
        push(head);
        state.scanned_to = head.number;
    }
    state.scanned_to = std::max(state.scanned_to, page.scanned_to);
    // What had been announced and is not there any more, retention took: it was settled.
    if (page.at_end) state.scanned_to = std::max(state.scanned_to, state.announced_then);
    if (page.at_end && state.scanned_to >= announced_) state.behind = false;
    advance(state);
}

void lane_windows::on_head(sequence number, const event_head* head) {
    const auto at = promoted_.find(number);
    if (at == promoted_.end()) return; // a window reached it meanwhile
    const auto wanted = at->second;
    promoted_.erase(at);
    auto& state = lanes_[index_of(wanted.of)];
    if (number <= state.scanned_to || !pending(wanted.of, number)) return;
    if (head == nullptr) {
        // Gone from the journal though pending here: its window will pass over it in due course,
        // and what waits for it waits until then.
        return;
    }
    state.outside.insert(number);
    add_entry(*head);
    raise(number, wanted.of, wanted.priority);
}

// The next of its lane's window.
void lane_windows::push(const event_head& head) {
    auto& state = lanes_[index_of(head.in_lane)];
    const auto wanted = promoted_.find(head.number);
    const auto priority = wanted == promoted_.end() ? head.in_lane : wanted->second.priority;
    if (wanted != promoted_.end()) promoted_.erase(wanted);
    if (head.number <= state.low || state.done.contains(head.number)) return;
    state.pending.insert(head.number);
    if (state.outside.erase(head.number) > 0) return; // known already
    add_entry(head);
    if (priority != head.in_lane) raise(head.number, head.in_lane, priority);
}

void lane_windows::add_entry(const event_head& head) {
    auto [at, fresh] = entries_.try_emplace(head.number);
    WHARF_ASSERT(fresh);
    auto& e = at->second;
    e.head = head;
    e.priority = head.in_lane;
    e.taken = taken_.erase(head.number) > 0;
    count_links(head.number, e);
    raise_links(e);
    if (e.unresolved == 0 && !e.taken) make_ready(head.number, e);
}

void lane_windows::count_links(sequence number, entry& e) {
    e.unresolved = 0;
    for (const auto& link : e.head.links) {
        WHARF_ASSERT(link.previous < number);
        if (resolved(link) || WHARF_MUTANT(order_links_ignored)) continue;
        ++e.unresolved;
        lanes_[index_of(link.previous_lane)].waiters[link.previous].push_back(number);
    }
}

void lane_windows::make_ready(sequence number, entry& e) {
    ready_[index_of(e.priority)].insert(number);
    newly_ready_.insert(number);
}

// --- inherited priority --------------------------------------------------------------------------

void lane_windows::raise_links(const entry& e) {
    for (const auto& link : e.head.links)
        if (!resolved(link) && e.priority < link.previous_lane)
            raise(link.previous, link.previous_lane, e.priority);
}

// Gives an update that stands in the way, and what stands in its own way, a higher priority. Walks
// backwards through the journal with a list of its own: a chain may be long.
void lane_windows::raise(sequence number, lane of, lane priority) {
    std::vector<std::pair<sequence, lane>> todo{{number, of}};
    while (!todo.empty()) {
        const auto [next, next_lane] = todo.back();
        todo.pop_back();
        const auto at = entries_.find(next);
        if (at == entries_.end()) {
            // What is on its way needs no push.
            if (next <= lanes_[index_of(next_lane)].scanned_to || taken_.contains(next)) continue;
            auto wanted = promoted_.find(next);
            if (wanted == promoted_.end() && outside_windows() >= limits::k_promoted_max) {
                promotion_dropped_ = true;
                continue;
            }
            if (wanted == promoted_.end())
                wanted = promoted_.emplace(next, promotion{next_lane, priority, false}).first;
            wanted->second.priority = std::min(wanted->second.priority, priority);
            continue;
        }
        auto& e = at->second;
        if (e.priority > priority) {
            if (ready_[index_of(e.priority)].erase(next) > 0)
                ready_[index_of(priority)].insert(next);
            e.priority = priority;
        } else if (next != number) {
            continue; // it and its own predecessors have that priority
        }
        for (const auto& link : e.head.links)
            if (!resolved(link) && priority < link.previous_lane)
                todo.emplace_back(link.previous, link.previous_lane);
    }
}

// --- what has to be read -------------------------------------------------------------------------

lane_wants lane_windows::wanted() {
    lane_wants out;
    for (std::size_t i = 0; i < k_lane_count; ++i) {
        auto& state = lanes_[i];
        if (!state.behind || state.loading) continue;
        // Not a page for each update that leaves. With nothing pending there is nothing to wait
        // for: after a restart a full set of marks stands before the first page.
        constexpr std::size_t k_page_least = limits::k_lane_window_max / 16;
        auto free = room(state);
        if (free < k_page_least && !state.pending.empty()) continue;
        free = std::max(free, k_page_least);
        state.loading = true;
        state.announced_then = announced_;
        out.pages.push_back({static_cast<lane>(i), state.scanned_to, free});
    }
    if (promotion_dropped_ && outside_windows() < limits::k_promoted_max / 2) {
        promotion_dropped_ = false;
        for (const auto& [number, e] : entries_)
            if (e.unresolved > 0) raise_links(e);
    }
    for (auto& [number, wanted] : promoted_) {
        if (wanted.asked) continue;
        wanted.asked = true;
        out.heads.push_back(number);
    }
    return out;
}

std::vector<sequence> lane_windows::drain_newly_ready() {
    std::vector<sequence> out(newly_ready_.begin(), newly_ready_.end());
    newly_ready_.clear();
    return out;
}

std::vector<sequence> lane_windows::followers(sequence number,
                                              const std::set<sequence>& besides) const {
    std::vector<sequence> out;
    const auto at = entries_.find(number);
    if (at == entries_.end()) return out;
    const auto& waiters = lanes_[index_of(at->second.head.in_lane)].waiters;
    const auto waiting = waiters.find(number);
    if (waiting == waiters.end()) return out;
    for (auto follower : waiting->second) {
        const auto& e = entries_.at(follower);
        const bool free = std::ranges::all_of(e.head.links, [&](const order_link& link) {
            return resolved(link) || besides.contains(link.previous);
        });
        if (free && !e.taken) out.push_back(follower);
    }
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

// --- what becomes of an update -------------------------------------------------------------------

void lane_windows::take(sequence number) {
    auto& e = entries_.at(number);
    WHARF_ASSERT(!e.taken);
    e.taken = true;
    ready_[index_of(e.priority)].erase(number);
    newly_ready_.erase(number);
}

void lane_windows::put_back(sequence number) {
    const auto at = entries_.find(number);
    if (at == entries_.end()) {
        WHARF_ASSERT(taken_.erase(number) == 1); // its window has not come to it yet
        return;
    }
    WHARF_ASSERT(at->second.taken);
    at->second.taken = false;
    if (at->second.unresolved == 0) make_ready(number, at->second);
}

void lane_windows::finish(lane in_lane, sequence number) {
    auto& state = lanes_[index_of(in_lane)];
    WHARF_ASSERT(pending(in_lane, number));
    state.done.insert(number);
    state.unmarked.push_back(number);
    state.pending.erase(number);
    state.outside.erase(number);
    taken_.erase(number);
    if (const auto at = entries_.find(number); at != entries_.end()) {
        // It may still be waiting: the rest of its chain leaves with it only where its own links
        // were resolved, except in a batch that is applied in order.
        for (const auto& link : at->second.head.links) {
            if (resolved(link)) continue;
            auto& waiters = lanes_[index_of(link.previous_lane)].waiters;
            if (const auto w = waiters.find(link.previous); w != waiters.end()) {
                std::erase(w->second, number);
                if (w->second.empty()) waiters.erase(w);
            }
        }
        ready_[index_of(at->second.priority)].erase(number);
        entries_.erase(at);
    }
    newly_ready_.erase(number);
    release_waiters(state, number);
    advance(state);
}

void lane_windows::release_waiters(lane_state& state, sequence number) {
    auto node = state.waiters.extract(number);
    if (node.empty()) return;
    for (auto waiting : node.mapped()) {
        const auto at = entries_.find(waiting);
        if (at == entries_.end()) continue;
        WHARF_ASSERT(at->second.unresolved > 0);
        if (--at->second.unresolved == 0 && !at->second.taken) make_ready(waiting, at->second);
    }
}

// Past what is done, and past the numbers of other lanes.
void lane_windows::advance(lane_state& state) {
    const auto low = state.pending.empty() ? state.scanned_to : *state.pending.begin() - 1;
    if (low <= state.low) return;
    state.low = low;
    state.done.erase(state.done.begin(), state.done.upper_bound(low));
    // An update whose record the journal lost is passed like any other: nobody waits for ever.
    while (!state.waiters.empty() && state.waiters.begin()->first <= low)
        release_waiters(state, state.waiters.begin()->first);
}

bool lane_windows::marks_passed() const {
    return std::ranges::any_of(lanes_, [](const lane_state& state) {
        return !state.marked.empty() && *state.marked.begin() <= state.low;
    });
}

void lane_windows::collect_ops(std::vector<delivery_op>& ops) {
    for (std::size_t i = 0; i < k_lane_count; ++i) {
        auto& state = lanes_[i];
        const auto which = static_cast<lane>(i);
        for (auto number : state.unmarked) {
            if (number <= state.low) continue; // passed before it needed a mark
            state.marked.insert(number);
            ops.emplace_back(set_mark{which, number});
        }
        state.unmarked.clear();
        while (!state.marked.empty() && *state.marked.begin() <= state.low) {
            if (!WHARF_MUTANT(marks_not_cleared))
                ops.emplace_back(clear_mark{which, *state.marked.begin()});
            state.marked.erase(state.marked.begin());
        }
        if (state.low > state.persisted_low) {
            const bool early = WHARF_MUTANT(low_water_before_answer);
            ops.emplace_back(advance_low_water{which, early ? state.scanned_to : state.low});
            state.persisted_low = state.low;
        }
    }
}

} // namespace wharf
