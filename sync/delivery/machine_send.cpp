// What is sent when.
#include "sync/delivery/machine.hpp"

#include "gateway/base/mutant.hpp"

#include <algorithm>

namespace wharf {

namespace {
constexpr std::int64_t k_clock_tolerance_us = 3'600'000'000;
} // namespace

// Whether the ERP may have forgotten a key that it may have seen at that time. A clock that went
// back says nothing about ages: then it may.
bool destination_machine::forgotten_since(std::int64_t since_us, instant at) const {
    const auto age_us = at.journal_us - since_us;
    return age_us >= options_.remembers_keys_for_us || age_us < -k_clock_tolerance_us;
}

bool destination_machine::must_ask(const open_batch& b, instant at) const {
    if (WHARF_MUTANT(forgotten_key_not_asked)) return false;
    // A parked update may have been sent long before this batch was, and that may be forgotten
    // while this one waits for its first attempt.
    for (const auto& e : b.items) {
        if (!e.unknown_on_record || !forgotten_since(e.parked_at_us, at)) continue;
        const auto t = troubles_.find(e.item.number);
        if (b.maybe_sent || t == troubles_.end() || !t->second.not_held) return true;
    }
    if (!b.maybe_sent) return false;
    if (b.must_ask) return true;
    return forgotten_since(b.first_sent_at_us != 0 ? b.first_sent_at_us : b.sealed_at_us, at);
}

// "Not held" proves nothing right after an attempt.
std::int64_t destination_machine::due_us(const open_batch& b, instant at) const {
    if (options_.can_ask && must_ask(b, at))
        return std::max(b.next_at_us, b.last_sent_us + options_.settle_us);
    return b.next_at_us;
}

// Parts of a divided batch that is applied in order wait for each other.
bool destination_machine::sendable(const open_batch& b) const {
    if (waits_for_lane(b)) return false;
    if (!b.held) return true;
    for (const auto& e : b.items)
        for (const auto& link : e.links) {
            const bool inside = std::ranges::any_of(b.items, [&](const batch_entry& other) {
                return other.item.number == link.previous;
            });
            if (!inside && !lanes_.resolved(link)) return false;
        }
    return true;
}

std::size_t destination_machine::requests_in_flight() const {
    return static_cast<std::size_t>(std::ranges::count_if(batches_, [](const auto& entry) {
        return entry.second.now == open_batch::stage::sending ||
               entry.second.now == open_batch::stage::asking;
    }));
}

std::size_t destination_machine::active_batches(instant at) const {
    return static_cast<std::size_t>(std::ranges::count_if(batches_, [&](const auto& entry) {
        const auto& b = entry.second;
        return b.now != open_batch::stage::sealed || (due_us(b, at) <= at.now_us && sendable(b));
    }));
}

open_batch* destination_machine::next_due(instant at) {
    const bool probing = circuit_.state(at.now_us) == circuit_state::half_open;
    open_batch* best = nullptr;
    const auto before = [&](const open_batch& a, const open_batch& b) {
        // A probe is another batch each time: the one that failed last may be the only bad one.
        if (probing && a.last_sent_us != b.last_sent_us) return a.last_sent_us < b.last_sent_us;
        if (a.priority != b.priority) return a.priority < b.priority;
        return a.next_at_us < b.next_at_us;
    };
    for (auto& [number, b] : batches_) {
        if (b.now != open_batch::stage::sealed || due_us(b, at) > at.now_us || !sendable(b))
            continue;
        if (best == nullptr || before(b, *best)) best = &b;
    }
    return best;
}

bool destination_machine::send_due(instant at) {
    if (at.now_us < hold_until_us_) return false;
    const auto circuit = circuit_.state(at.now_us);
    if (circuit == circuit_state::open) return false;
    const auto slots = circuit == circuit_state::half_open ? 1 : options_.in_flight_max;
    bool any = false;
    while (requests_in_flight() < slots && at.now_us >= next_request_us(at)) {
        auto* b = next_due(at);
        if (b == nullptr) break;
        send_batch(*b, at);
        any = true;
        if (!running()) break;
    }
    return any;
}

void destination_machine::send_batch(open_batch& b, instant at) {
    if (b.held) {
        // While it waited, something it follows may have been parked: then it waits there too.
        std::vector<item_fate> fates(b.items.size());
        bool parked = false;
        for (std::size_t i = 0; i < b.items.size(); ++i) {
            if (b.items[i].parked || !any_blocked(b.items[i])) continue;
            fates[i].becomes = item_fate::what::waiting;
            if (b.maybe_sent) fates[i].code = k_code_outcome_unknown; // asked before it is repeated
            parked = true;
        }
        if (parked) return resolve(b.number, std::move(fates), at);
    }
    const bool asking = must_ask(b, at);
    if (!asking || options_.can_ask) count_request(at);
    if (asking && !options_.can_ask) {
        std::vector<item_fate> fates(b.items.size());
        for (auto& fate : fates)
            fate = {item_fate::what::dead, k_code_outcome_unknown,
                    "it was sent, its outcome is unknown" +
                        (b.words.empty() ? std::string() : " (" + b.words + ")") +
                        ", the ERP may have forgotten its key by now and cannot be asked",
                    0};
        return resolve(b.number, std::move(fates), at);
    }
    if (asking) {
        b.now = open_batch::stage::asking;
        act::ask question{b.number, {}};
        for (const auto& e : b.items)
            question.items.push_back(e.item);
        actions_.emplace_back(std::move(question));
        return;
    }
    b.now = open_batch::stage::sending;
    b.sending_us = at.now_us;
    ++requests_;
    if (options_.notes && b.sends == 0 && !b.maybe_sent)
        for (const auto& e : b.items)
            note(delivery_note::what::sent, e, at);
    b.maybe_before = b.maybe_sent;
    b.maybe_sent = true;
    if (!b.maybe_before) b.first_sent_at_us = at.journal_us;
    if (b.sends++ > 0) ++retries_;
    actions_.emplace_back(act::send{b.number});
}

} // namespace wharf
