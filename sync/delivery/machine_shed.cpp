// What gives way where the journal is full: the oldest updates of lanes that may be shed, the
// lowest lane first. What was sent and whose outcome is not known is never shed: it is parked, so
// that its lane can go on without it, and sent or asked for again when the destination is back.
#include "sync/delivery/machine.hpp"

#include "gateway/base/limits.hpp"
#include "gateway/base/mutant.hpp"

#include <algorithm>

namespace wharf {

bool destination_machine::sheddable(const batch_entry& e) const {
    return !e.parked && options_.lanes[index_of(e.in_lane)].sheddable;
}

// A batch of such a lane that the destination does not take is not followed by others: what is in
// none can be shed. One has to be there, to see whether the destination is back.
bool destination_machine::gives_way(lane priority, instant at) const {
    if (!short_of_space_ || !options_.lanes[index_of(priority)].sheddable) return false;
    if (circuit_.state(at.now_us) == circuit_state::closed) return false;
    return !batches_.empty() ||
           std::ranges::any_of(released_, [](const auto& set) { return !set.empty(); });
}

// What holds such a lane up without getting on.
void destination_machine::step_aside(instant at) {
    for (auto next = delayed_.begin(); next != delayed_.end();) {
        if (!sheddable(next->second)) {
            ++next;
            continue;
        }
        lanes_.put_back(next->second.item.number);
        next = delayed_.erase(next);
    }
    if (running() && circuit_.state(at.now_us) == circuit_state::closed) return;
    // Others of such a batch wait for those that may be shed, and stay in it where it was sent.
    // One that was just made to see whether the destination is back has its turn first.
    const bool probing = running() && circuit_.state(at.now_us) == circuit_state::half_open;
    std::vector<batch_number> stuck;
    for (const auto& [number, b] : batches_) {
        if (b.now != open_batch::stage::sealed || (b.maybe_sent && full_)) continue;
        if (probing && b.last_sent_us == 0) continue;
        if (std::ranges::any_of(b.items, [&](const auto& e) { return sheddable(e); }))
            stuck.push_back(number);
    }
    for (auto number : stuck) {
        const auto& b = batches_.at(number);
        std::vector<item_fate> fates(b.items.size());
        for (std::size_t i = 0; i < fates.size(); ++i) {
            if (!b.maybe_sent)
                fates[i].becomes = item_fate::what::back;
            else if (sheddable(b.items[i]))
                fates[i] = {item_fate::what::aside, k_code_outcome_unknown, b.words, 0};
        }
        resolve(number, std::move(fates), at);
    }
}

void destination_machine::shed(instant at) {
    if (!short_of_space_ || shedding_ || at.now_us < shed_again_us_) return;
    const bool any_lane = std::ranges::any_of(options_.lanes, &lane_delivery_options::sheddable);
    if (!any_lane && !WHARF_MUTANT(shed_of_any_lane)) return;
    shed_again_us_ = at.now_us + std::int64_t{limits::k_shed_every_ms} * 1000;
    step_aside(at);
    const auto updates_max = std::min(limits::k_shed_updates_max, options_.park_ops_max);
    draft d;
    for (std::size_t i = k_lane_count; i-- > 0 && d.request.ops.empty();) {
        if (!options_.lanes[i].sheddable && !WHARF_MUTANT(shed_of_any_lane)) continue;
        const auto which = static_cast<lane>(i);
        // In their order: each that leaves may make others ready.
        for (auto next = lanes_.pending_of(which).begin();
             next != lanes_.pending_of(which).end() && d.request.ops.size() < updates_max;) {
            const auto number = *next;
            if (lanes_.is_ready(number)) {
                troubles_.erase(number);
                settle(entry_of(*lanes_.find(number)), settlement::shed, d);
            }
            next = lanes_.pending_of(which).upper_bound(number);
        }
    }
    if (d.request.ops.empty()) return;
    if (shed_now_ == 0)
        alarm("shedding", "the journal is full: the oldest updates of lanes that may be shed are");
    shed_now_ += d.request.ops.size();
    shed_last_us_ = at.now_us;
    d.request.urgent = true;
    lanes_.collect_ops(d.request.ops);
    shedding_ = next_token_;
    submit(d);
}

void destination_machine::end_shedding(instant at) {
    if (shed_now_ == 0 || short_of_space_ || at.now_us < shed_last_us_ + k_shedding_over_us) return;
    alarm("shedding", std::to_string(shed_now_) + " updates were shed", false);
    shed_now_ = 0;
}

} // namespace wharf
